"""The start of MPI: one launch command and one ssh setup for every operator.

Only the operators may differ. The script below is therefore all that a launcher runs, and an
operator adds nothing to it except the path of its host file.
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
# `StrictModes no`: a key mounted from a Secret is readable by its group.
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

# Open MPI 4, then 5: otherwise host names are cut at the first dot and match no pod.
_WHOLE_NAMES = (
    *("env", "OMPI_MCA_orte_keep_fqdn_hostnames=true"),
    "PRTE_MCA_prte_keep_fqdn_hostnames=true",
)
HOST_FILE = "/run/hostfile"
_HOST_FILE_SCRIPT = """\
for index in $(seq 0 {last_index}); do
  echo "{host}{slots}"
done > {host_file}"""
# Pod 0 serves ssh like the others, so that every host is reached in the same way.
_SCRIPT_OF_EVERY_POD = """\
set -eu
serve_ssh() {{
{worker_script}
}}
if [ "$JOB_COMPLETION_INDEX" != 0 ]; then serve_ssh; fi
(serve_ssh) &
{host_file_script}
{launcher_script}"""


def script_of_every_pod(job: JobSpec) -> str:
    """A bash script for all pods of an indexed job: pod 0 launches, all serve ssh.

    The pods find each other by a headless Service with the job's name.
    """
    host = f"{job.name}-$index.{job.name}.{job.namespace}.svc"
    return _SCRIPT_OF_EVERY_POD.format(
        worker_script=re.sub(r"^", "  ", WORKER_SCRIPT, flags=re.MULTILINE),
        host_file_script=host_file_script(job, host=host),
        launcher_script=launcher_script(job, host_file=HOST_FILE),
    )


def host_file_script(job: JobSpec, *, host: str) -> str:
    """A bash script that writes the host file; `host` is a worker's name with its `$index`."""
    mpich = job.mpi_implementation is MpiImplementation.MPICH
    return _HOST_FILE_SCRIPT.format(
        last_index=job.nodes - 1,
        host=host,
        slots=f":{job.ranks_per_node}" if mpich else f" slots={job.ranks_per_node}",
        host_file=HOST_FILE,
    )


def key_pair() -> tuple[str, str]:
    """A fresh ssh key pair: the private key in OpenSSH's format, and the line of the public one."""
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


def launcher_script(job: JobSpec, *, host_file: str, own_name: str | None = None) -> str:
    """A bash script: wait until every host's sshd answers, then time the MPI launch command.

    The job's own deadline limits the wait. The last lines printed are those of POSIX `time -p`.
    `own_name` is the name by which workers reach a launcher that is not one of the hosts, where its
    bare host name does not resolve for them.
    """
    return _LAUNCHER_SCRIPT.format(
        host_file=shlex.quote(host_file),
        port=SSH_PORT,
        work_dir=shlex.quote(job.work_dir),
        command=shlex.join(mpi_command(job, host_file=host_file, own_name=own_name)),
    )


def mpi_command(job: JobSpec, *, host_file: str, own_name: str | None = None) -> tuple[str, ...]:
    """The launch command with the study's rank count and binding, in the MPI's own options.

    Options as in the manual pages of MPICH 5.0's Hydra `mpiexec` and of Open MPI 4 `mpirun`.
    """
    ranks, ranks_per_node = str(job.ranks), str(job.ranks_per_node)
    binding = str(job.binding)
    launch: tuple[str, ...]
    environment: tuple[str, ...]  # ranks start over ssh, which passes no pod environment
    if job.mpi_implementation is MpiImplementation.MPICH:
        reached = ("-localhost", own_name) if own_name else ()  # Open MPI sends its addresses
        launch = ("mpiexec.hydra", "-launcher", "ssh", *reached, "-f", host_file)
        environment = tuple(word for pair in job.environment.items() for word in ("-genv", *pair))
        count = ("-n", ranks, "-ppn", ranks_per_node, "-bind-to", binding)
    else:
        launch = (*_WHOLE_NAMES, "mpirun", "--allow-run-as-root", "--hostfile", host_file)
        environment = tuple(
            word for pair in job.environment.items() for word in ("-x", "=".join(pair))
        )
        count = ("-np", ranks, "--map-by", f"ppr:{ranks_per_node}:node", "--bind-to", binding)
    return (*launch, *environment, *count, *job.command)
