"""`python -m include.simulation.player`: plays the applications of a simulated cluster.

It watches the study's pods. When the launcher pod of a point runs it writes that pod's log, line by
line in time, and then sets the end of its container by an annotation; a KWOK stage does the rest.
It runs until it is ended by the cluster's removal.
"""

from __future__ import annotations

import argparse
import logging
import queue
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include import applications, k8s_operators
from include.k8s_operators import LABEL_NODES, LABEL_OPERATOR, LABEL_POINT
from include.kube.client import Kube
from include.kube.kinds import POD
from include.kube.watch import Watcher
from include.simulation import durations, settings
from include.simulation.access import PLAYER
from include.simulation.gates import Gates
from include.simulation.log_server import LogServer
from include.simulation.performance import Performance
from include.simulation.plays import Plays
from include.simulation.script import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from include.kube.watch import Change
    from include.simulation.settings import Simulation

log = logging.getLogger(__name__)


class Player:
    """Knows the study's pods and starts a performance for each launcher pod."""

    def __init__(self, kube: Kube, simulation: Simulation, plays: Plays) -> None:
        self.kube = kube
        self.simulation = simulation
        self.plays = plays
        self._pods: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        options = simulation.options
        self._gates = Gates(kube, delay_s=options.schedule_s * options.time_scale)

    def run(self) -> None:
        """Follow the pods until the process is ended."""
        self._gates.start()
        changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        Watcher(self.kube, POD, selector=LABEL_POINT, changes=changes).start()
        while True:
            self.take(changes.get())

    def take(self, change: Change) -> None:
        """Take one change of a pod."""
        pod = change.obj
        name = pod["metadata"]["name"]
        with self._lock:
            if change.gone:
                self._pods.pop(name, None)
                return
            self._pods[name] = pod
        self._gates.take(pod)
        operator = k8s_operators.load(pod["metadata"]["labels"][LABEL_OPERATOR])
        if not operator.launches(pod) or not is_running(pod):
            return
        if (play := self.plays.begin(name)) is not None:
            performance = Performance(self, pod=pod, operator=operator, play=play)
            threading.Thread(target=performance.perform, name=name, daemon=True).start()

    def pods_of(self, point_id: str) -> list[dict[str, Any]]:
        """The existing pods of a point."""
        with self._lock:
            known = list(self._pods.values())
        return [pod for pod in known if pod["metadata"]["labels"][LABEL_POINT] == point_id]

    def run_of(self, pod: dict[str, Any]) -> Run:
        """The run to play for a launcher pod."""
        study, options = self.simulation.study, self.simulation.options
        labels = pod["metadata"]["labels"]
        nodes, point_id = int(labels[LABEL_NODES]), labels[LABEL_POINT]
        drawn = durations.draw(
            launch=k8s_operators.load(labels[LABEL_OPERATOR]).launch,
            nodes=nodes,
            seed=options.seed,
            point_id=point_id.removeprefix(self.simulation.study_id),
            run_s=options.run_s,
            slowdown=options.slower_images.get(image_of(pod), 1.0),
        )
        application, given = applications.of_study(study)
        ranks = nodes * study.ranks_per_node
        output = application.synthetic_output(
            given,
            ranks=ranks,
            run_time_s=drawn.run_time_s,
        )
        return Run(
            nodes=nodes,
            ranks=ranks,
            time_scale=options.time_scale,
            drawn=drawn,
            output=output,
            fault=self.simulation.fault_of(point_id),
        )


def image_of(pod: dict[str, Any]) -> str:
    """The image of a pod's container; empty for a pod without one."""
    return next((str(each["image"]) for each in pod["spec"].get("containers", ())), "")


def is_running(pod: dict[str, Any]) -> bool:
    """True if the pod's containers run now."""
    return bool(pod.get("status", {}).get("phase") == "Running")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: play until ended."""
    parser = argparse.ArgumentParser(
        prog="python -m include.simulation.player",
        description="Plays the synthetic applications of a simulated cluster; started with it.",
    )
    parser.add_argument("--state", type=Path, required=True, help="the cluster's state folder")
    root = parser.parse_args(arguments).state
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    simulation = settings.read(root)
    layout = simulation.layout(root)
    plays = Plays(root / "applications")
    LogServer(port=simulation.kubelet_port, pki=layout.pki, plays=plays).start()
    kube = Kube.from_kubeconfig(layout.kubeconfig(PLAYER), namespace=simulation.namespace)
    log.info("playing for study %s since %.0f", simulation.study_id, time.time())
    Player(kube, simulation, plays).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
