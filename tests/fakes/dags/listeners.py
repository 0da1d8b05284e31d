"""DAGs of somebody else, which start when a study or a night has ended; they keep what was told."""

from __future__ import annotations

import json
import os
from pathlib import Path

from airflow.sdk import Asset, AssetAlias, dag, task

FOLDER = Path(os.environ.get("TOLD", "/nowhere"))
WAITING_FOR = {
    "after_the_demo": Asset("operator_benchmark/demo"),
    "after_any_study": AssetAlias("operator_benchmark_studies"),
    "after_a_night": Asset("operator_benchmark/nightly/on_image"),
}


def make_dag(name, asset):
    @dag(dag_id=name, schedule=[asset], catchup=False)
    def listener():
        @task
        def keep(triggering_asset_events):
            told = [event.extra for event in triggering_asset_events[asset]]
            (FOLDER / f"{name}.json").write_text(json.dumps(told))

        keep()

    listener()


for name, asset in WAITING_FOR.items():
    make_dag(name, asset)
