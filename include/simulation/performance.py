"""One run of a synthetic application: waits for its pods, writes its log, ends its containers."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from include import waiting
from include.errors import BenchmarkError
from include.k8s_operators import LABEL_POINT, Launch
from include.kube.kinds import NODE, POD
from include.simulation import flux_script, script
from include.simulation.settings import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from include.k8s_operators import K8sOperator
    from include.kube.client import Kube
    from include.simulation.player import Player
    from include.simulation.plays import Play
    from include.simulation.script import Line, Run

log = logging.getLogger(__name__)
EXIT_CODE = "operator-benchmark/simulated-exit-code"
POLL_S = 0.02
# Lines of the launcher pod's log, and the exit code of its container.
SCRIPTS: dict[Launch, Callable[[Run], tuple[list[Line], int]]] = {
    Launch.SSH: script.over_ssh,
    Launch.FLUX: flux_script.under_flux,
}
# Its output when a host is lost at a second of its run, and then its exit code.
LOSSES: dict[Launch, Callable[[Run, float], tuple[list[str], int]]] = {
    Launch.SSH: script.when_a_host_is_gone,
    Launch.FLUX: flux_script.when_a_host_is_gone,
}


class PodLost(BenchmarkError):
    """A pod that carries ranks has disappeared."""


class Performance:
    """Plays one launcher pod from start to end."""

    def __init__(
        self, player: Player, *, pod: dict[str, Any], operator: K8sOperator, play: Play
    ) -> None:
        self._player = player
        self._pod = pod
        self._operator = operator
        self._play = play
        self._point = pod["metadata"]["labels"][LABEL_POINT]
        self._hit = False

    def perform(self) -> None:
        """Play it; the log ends in any case, so that nobody waits for it for ever."""
        try:
            run = self._player.run_of(self._pod)
            self._play.write(run.opening())
            self._play.write("launcher started")
            self._wait_for_ranks(run)
            lines, code = SCRIPTS[self._operator.launch](run)
            code = self._speak(run, lines, code)
            self._end(code)
        except BenchmarkError:
            log.exception("%s cannot be played to its end", self._point)
        finally:
            self._play.ended.set()

    def _wait_for_ranks(self, run: Run) -> None:
        """Wait as a launcher does for every host's sshd, and a broker for its followers."""
        limit = self._player.simulation.study.point_timeout_s
        for _ in waiting.looks(limit_s=limit, poll_s=POLL_S):
            if self._running_ranks() >= run.nodes:
                return
            if not self._is_there():
                break
        raise PodLost(f"{self._point}: not all pods ran within {limit:.0f} s")

    def _speak(self, run: Run, lines: list[Line], code: int) -> int:
        """Write the lines when they are due; returns the exit code."""
        start = time.monotonic()
        hit_at = start + run.cut_s() * run.time_scale
        for line in lines:
            due = start + line.at_s * run.time_scale
            while (now := time.monotonic()) < due:
                if now >= hit_at:
                    self._strike(run)
                if self._running_ranks() < run.nodes:
                    lost = LOSSES[self._operator.launch]
                    texts, code = lost(run, (now - start) / run.time_scale)
                    self._write(*texts)
                    return code
                time.sleep(min(POLL_S, due - now))
            self._write(line.text)
        return code

    def _write(self, *texts: str) -> None:
        for text in texts:
            self._play.write(text.replace(script.NOW, f"{time.time():.9f}"))

    def _strike(self, run: Run) -> None:
        """Apply the study's fault to a pod, once."""
        if self._hit or run.fault not in (Fault.POD_EVICTED, Fault.NODE_LOST):
            return
        self._hit = True
        kube = self._player.kube
        victim = self._ranks()[-1]
        name = victim["metadata"]["name"]
        if run.fault is Fault.POD_EVICTED:
            status = {"phase": "Failed", "reason": "Evicted", "message": "simulated: memory"}
            kube.merge(POD, name, {"status": status}, subresource="status")
            return
        node = kube.get(NODE, victim["spec"]["nodeName"])
        kube.delete(NODE, victim["spec"]["nodeName"])
        _take_away(kube, victim)
        if node is not None:  # another machine replaces it, as in a node group
            node["metadata"] = {k: node["metadata"][k] for k in ("name", "labels", "annotations")}
            kube.create(node)

    def _end(self, code: int) -> None:
        mark = {"metadata": {"annotations": {EXIT_CODE: json.dumps(code)}}}
        names = [self._pod["metadata"]["name"]]
        if self._operator.all_pods_end:  # followers are done shortly before the broker
            others = [pod["metadata"]["name"] for pod in self._ranks()]
            names = [*(name for name in others if name not in names), *names]
        self._play.ended.set()
        for name in names:
            self._player.kube.merge(POD, name, mark)

    def _ranks(self) -> list[dict[str, Any]]:
        pods = self._player.pods_of(self._point)
        carrying = [pod for pod in pods if self._operator.carries_ranks(pod)]
        return sorted(carrying, key=lambda pod: str(pod["metadata"]["name"]))

    def _running_ranks(self) -> int:
        return sum(
            pod.get("status", {}).get("phase") == "Running"
            and "deletionTimestamp" not in pod["metadata"]
            for pod in self._ranks()
        )

    def _is_there(self) -> bool:
        name = self._pod["metadata"]["name"]
        return any(pod["metadata"]["name"] == name for pod in self._player.pods_of(self._point))


def _take_away(kube: Kube, pod: dict[str, Any]) -> None:
    """Remove a pod whose node is gone, as the control plane's collector does after 40 s."""
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }
    conditions = [*pod.get("status", {}).get("conditions", []), target]
    status = {"phase": "Failed", "conditions": conditions}
    kube.merge(POD, pod["metadata"]["name"], {"status": status}, subresource="status")
    kube.delete(POD, pod["metadata"]["name"], grace_s=0)
