"""A worker elsewhere: runs one point as its task would, from nothing but what the task is given.

Its input is JSON: the XComs of the tasks before, and the point. Its last line is the record.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

from plugins.run_point import RunPoint


@dataclass
class TaskInstance:
    """What a task finds in Airflow's database."""

    xcoms: dict[str, Any]
    map_index: int = 0

    def xcom_pull(self, *, task_ids, key=None):
        """What the tasks returned; None for another key, as no task lost a point."""
        return self.xcoms[task_ids] if key is None else None


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
    given = json.load(sys.stdin)
    task = RunPoint(task_id="points", point=given["point"])
    record = task.execute({"ti": TaskInstance(given["xcoms"])})
    sys.stdout.write(json.dumps(record) + "\n")
