"""The start of MPI: one launch command and one ssh set-up for every operator.

What differs between operators must be the operator. So the script below is all that a launcher
runs, and the only thing an operator adds to it is where its host file lies.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

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

# Open MPI 4, then 5: else a host's name is cut at its first dot, and the rest finds no pod.
_WHOLE_NAMES = (
    *("env", "OMPI_MCA_orte_keep_fqdn_hostnames=true"),
    "PRTE_MCA_prte_keep_fqdn_hostnames=true",
)
HOST_FILE = "/run/hostfile"
# Pod 0 serves ssh like the others, so that every host is reached in the same way.
_SCRIPT_OF_EVERY_POD = """\
set -eu
serve_ssh() {{
{worker_script}
}}
if [ "$JOB_COMPLETION_INDEX" != 0 ]; then serve_ssh; fi
(serve_ssh) &
for index in $(seq 0 {last_index}); do
  echo "{name}-$index.{name}.{namespace}.svc{slots}"
done > {host_file}
{launcher_script}"""


def script_of_every_pod(job: JobSpec) -> str:
    """A bash script for all pods of a job with completion indexes: pod 0 launches, all serve ssh.

    The pods find each other by a headless Service that has the job's name.
    """
    mpich = job.mpi_implementation is MpiImplementation.MPICH
    return _SCRIPT_OF_EVERY_POD.format(
        worker_script=re.sub(r"^", "  ", WORKER_SCRIPT, flags=re.MULTILINE),
        last_index=job.nodes - 1,
        name=job.name,
        namespace=job.namespace,
        slots=f":{job.ranks_per_node}" if mpich else f" slots={job.ranks_per_node}",
        host_file=HOST_FILE,
        launcher_script=launcher_script(job, host_file=HOST_FILE),
    )


def key_pair() -> tuple[str, str]:
    """A fresh ssh key pair: the private key as OpenSSH keeps it, and the public one's line."""
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private.decode(), public.decode()


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
        launch = (*_WHOLE_NAMES, "mpirun", "--allow-run-as-root", "--hostfile", host_file)
        environment = tuple(
            word for pair in job.environment.items() for word in ("-x", "=".join(pair))
        )
        count = ("-np", ranks, "--map-by", f"ppr:{ranks_per_node}:node", "--bind-to", binding)
    return (*launch, *environment, *count, *job.command)
