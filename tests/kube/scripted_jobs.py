"""What controllers and kubelets would do with a job, scripted: pods appear, run, and end."""

from __future__ import annotations

from include import k8s_operators
from include.k8s_operators import Launch, _jobset, jobset, mpi_operator, trainer_mpi

POD_PATH = "/api/v1/namespaces/study/pods"
SYNTHETIC_LOG = """\
launcher started
LAMMPS (22 Jul 2025)
Reading data file ...
  orthogonal box = (0 0 0) to (22.326 11.1412 13.778966)
  1 by 1 by {ranks} MPI processor grid
Unit style    : real
  Time step     : 0.1
Per MPI rank memory allocation (min/avg/max) = 78.15 | 78.15 | 78.15 Mbytes
   Step          Temp          PotEng         Press          E_vdwl         E_coul         Volume
         0   300           -113.27833      437.52149     -111.57687     -1.7014648      3427.4148
       100   307.63998     {energy}      {pressure}     -111.57695     -1.723643       3427.4148
Loop time of 2.15473 on {ranks} procs for 100 steps with 304 atoms

Performance: 0.401 ns/day, 59.854 hours/ns, 46.410 timesteps/s, 14.109 katom-step/s
99.4% CPU use with {ranks} MPI tasks x 1 OpenMP threads
Total wall time: 0:00:02
real 2.67
user 0.01
sys 0.02
"""
LOOP_S = 2.5

FLUX_LOG = """\
<6>broker.info[0]: quorum-full: quorum->run 0.32571s
ƒLGqfV1: 0.000s: submit {{"flags":0,"urgency":16,"userid":0,"version":1}}
ƒLGqfV1: 0.012s: validate\N{SPACE}
{application}ƒLGqfV1: 2.600s: finish {{"status":{status}}}
ƒLGqfV1: 2.600s: {end}: status={status}
ƒLGqfV1: 2.601s: clean\N{SPACE}
FLUXTIME fluxsubmit wall time 0:02.67
FLUXTIME fluxstart wall time 0:03.50
BENCH post {code} 1767323053.500000000
"""


def flux_log_text(*, status=0, **values):
    application = SYNTHETIC_LOG.partition("real 2.67")[0].partition("\n")[2]
    values = {"ranks": 1, "energy": "-113.30058", "pressure": "837.38493", **values}
    application = application.format(**values)
    end = "failed" if status else "complete"
    text = FLUX_LOG.format(application=application, status=status, end=end, code=status >> 8)
    return stamped(text)


def log_text(*, ranks=1, energy="-113.30058", pressure="837.38493"):
    text = SYNTHETIC_LOG.format(ranks=ranks, energy=energy, pressure=pressure)
    return stamped(text)


def log_text_of(operator_name):
    """What writes the log of a job that such an operator's launch has started."""
    by_launch = {Launch.SSH: log_text, Launch.FLUX: flux_log_text}
    return by_launch[k8s_operators.load(operator_name).launch]


def stamped(text):
    """The lines with stamps, between which there is time for what they tell of themselves."""
    lines, passed_s, stamps = text.splitlines(), 0.0, []
    for place, line in enumerate(lines):
        passed_s += LOOP_S if line.startswith("Loop time") else 0.0
        stamps.append(f"2026-01-02T03:04:{10 + passed_s + place / 100:09.6f}Z {line}\n")
    return "".join(stamps).encode()


def pod(name, labels, *, node, state, conditions=()):
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "True",
                    "lastTransitionTime": "2026-01-02T03:04:06Z",
                },
                *conditions,
            ],
            "containerStatuses": [
                {"image": "i", "imageID": "i@sha256:" + "a" * 64, "state": state}
            ],
        },
    }


RUNNING = {"running": {"startedAt": "2026-01-02T03:04:08Z"}}


def ended(code, reason="Error"):
    return {
        "terminated": {
            "reason": reason,
            "startedAt": "2026-01-02T03:04:09Z",
            "finishedAt": "2026-01-02T03:04:12Z",
            "exitCode": code,
        }
    }


# Labels of the launcher's pod and of the workers', where no pod is both; others number their pods.
APART = {
    "mpi_operator": [{mpi_operator.ROLE_LABEL: part} for part in ("launcher", "worker")],
    "jobset": [{_jobset.PART_LABEL: part} for part in ("launcher", jobset.WORKER)],
    "trainer_mpi": [{_jobset.PART_LABEL: part} for part in ("launcher", trainer_mpi.NODE)],
}
SUCCESS = {"mpi_operator": "Succeeded", "jobset": "Completed", "trainer_mpi": "Complete"}


def nodes_of(spec):
    """The nodes that a resource asks for, whatever its operator calls them."""
    if "mpiReplicaSpecs" in spec:
        return spec["mpiReplicaSpecs"]["Worker"]["replicas"]
    if "replicatedJobs" in spec:
        return max(each["template"]["spec"]["completions"] for each in spec["replicatedJobs"])
    return spec.get("completions") or spec.get("size") or spec["trainer"]["numNodes"]


class ScriptedJob:
    """Plays one job on an ApiServer when its resource is created."""

    def __init__(self, state, operator_name, *, log=None, exit_code=0, pod_state=None, end=True):
        self.state = state
        self.operator = k8s_operators.load(operator_name)
        self.log = log
        self.exit_code = exit_code
        self.pod_state = pod_state  # of every pod, instead of running
        self.worker_state = None  # of pods that do not launch, instead of running
        self.end = end
        state.on_create.append(self.react)

    @property
    def ranks_started_at_s(self):
        """The second in which the last pod with ranks has started, see RUNNING and `ended`."""
        labels = self._rank_labels(0)
        return 9.0 if self.operator.launches({"metadata": {"labels": labels}}) else 8.0

    def react(self, obj):
        if obj["kind"] == self.operator.resource.kind:
            if self.operator.state_resource != self.operator.resource:
                self._make_job(obj)
            self.start(obj)
            if self.end:
                self.finish(obj)

    def _make_job(self, obj):
        name, labels = obj["metadata"]["name"], dict(obj["metadata"]["labels"])
        job = {"kind": "Job", "metadata": {"name": name, "labels": labels}, "spec": obj["spec"]}
        self.state.put(f"/apis/batch/v1/namespaces/study/jobs/{name}", job)

    def start(self, obj):
        nodes, name = nodes_of(obj["spec"]), obj["metadata"]["name"]
        for index in range(nodes):
            labels = {**obj["metadata"]["labels"], **self._rank_labels(index)}
            launches = self.operator.launches({"metadata": {"labels": labels}})
            state = self._state(launches=launches)
            self._put(pod(f"{name}-worker-{index}", labels, node=f"node-{index + 1}", state=state))
            if launches:
                self._log(f"{name}-worker-{index}", nodes)
        if self.operator.name in APART:
            labels = {**obj["metadata"]["labels"], **APART[self.operator.name][0]}
            state = self._state(launches=True)
            self._put(pod(f"{name}-launcher", labels, node="node-1", state=state))
            self._log(f"{name}-launcher", nodes)

    def finish(self, obj):
        failed = self.exit_code != 0
        kind = "Failed" if failed else SUCCESS.get(self.operator.name, "SuccessCriteriaMet")
        condition = {
            "type": kind,
            "status": "True",
            "lastTransitionTime": "2026-01-02T03:04:13Z",
            "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit",
        }
        done = {**obj, "metadata": dict(obj["metadata"]), "status": {"conditions": [condition]}}
        kube_kind = self.operator.state_resource
        done["kind"] = kube_kind.kind
        path = f"/apis/{kube_kind.group}/{kube_kind.version}/namespaces/study/{kube_kind.plural}"
        self.state.put(f"{path}/{obj['metadata']['name']}", done)

    def _rank_labels(self, index):
        if self.operator.name in APART:
            return APART[self.operator.name][1]
        return {"batch.kubernetes.io/job-completion-index": str(index)}

    def _state(self, *, launches):
        if self.pod_state is not None:
            return self.pod_state
        if self.worker_state is not None and not launches:
            return self.worker_state
        return ended(self.exit_code) if launches and self.end else RUNNING

    def _put(self, obj):
        self.state.put(f"{POD_PATH}/{obj['metadata']['name']}", obj)

    def _log(self, name, nodes):
        if self.pod_state is None:
            text = log_text_of(self.operator.name)
            self.state.logs[name] = self.log or text(ranks=nodes)
