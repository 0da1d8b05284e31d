"""How MPI itself is started: one launch command and one ssh set-up for every operator.

What differs between operators must be the operator. So the script below is all that a launcher
runs, and the only thing an operator adds to it is where its host file lies.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from include.models import MpiImplementation

if TYPE_CHECKING:
    from include.k8s_operators import JobSpec

SSH_PORT = 22
# `StrictModes no`: a key that is mounted from a Secret is readable by its group.
WORKER_SCRIPT = """\
set -eu
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /run/sshd/host_key
exec /usr/sbin/sshd -De -h /run/sshd/host_key \
 -o StrictModes=no -o PermitRootLogin=prohibit-password -o PidFile=none"""

_LAUNCHER_SCRIPT = """\
set -eu
echo 'launcher started'
mkdir -p /etc/ssh/ssh_config.d
cat > /etc/ssh/ssh_config.d/operator-benchmark.conf <<'CONF'
Host *
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
CONF
for host in $(sed 's/[: ].*//' {host_file}); do
  until timeout 2 bash -c "exec 3<>/dev/tcp/$host/{port}" 2>/dev/null; do sleep 0.1; done
done
cd {work_dir}
time -p {command}"""


def launcher_script(job: JobSpec, *, host_file: str) -> str:
    """A bash script: wait until every host's sshd answers, then time the MPI launch command.

    The wait has its end in the job's own deadline. The last lines that it prints are those of
    POSIX `time -p`.
    """
    return _LAUNCHER_SCRIPT.format(
        host_file=shlex.quote(host_file),
        port=SSH_PORT,
        work_dir=shlex.quote(job.work_dir),
        command=shlex.join(mpi_command(job, host_file=host_file)),
    )


def mpi_command(job: JobSpec, *, host_file: str) -> tuple[str, ...]:
    """The launch command with the study's rank count and binding, in the MPI's own words.

    Options as in the manual pages of MPICH 5.0's Hydra `mpiexec` and of Open MPI 4 `mpirun`.
    """
    ranks, ranks_per_node = str(job.ranks), str(job.ranks_per_node)
    binding = str(job.binding)
    launch: tuple[str, ...]
    environment: tuple[str, ...]  # ranks are started over ssh, which passes on none of a pod
    if job.mpi_implementation is MpiImplementation.MPICH:
        launch = ("mpiexec.hydra", "-launcher", "ssh", "-f", host_file)
        environment = tuple(word for pair in job.environment.items() for word in ("-genv", *pair))
        count = ("-n", ranks, "-ppn", ranks_per_node, "-bind-to", binding)
    else:
        launch = ("mpirun", "--allow-run-as-root", "--hostfile", host_file)
        environment = tuple(
            word for pair in job.environment.items() for word in ("-x", "=".join(pair))
        )
        count = ("-np", ranks, "--map-by", f"ppr:{ranks_per_node}:node", "--bind-to", binding)
    return (*launch, *environment, *count, *job.command)
