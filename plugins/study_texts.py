"""The words of the trigger form: title and help of each field of a study, for who never saw one."""

from __future__ import annotations

from textwrap import dedent

PRESET = """
    A study to start from. It sets the fields that you leave as they are; what you change below
    wins, and the log of the task plan tells what came of it. With no preset and nothing changed
    the study of the fields below runs: at first a demo of two minutes, for nothing.
"""

# By field: its title, with the unit of a number, and its help.
_TEXTS = {
    "name": (
        "Name",
        "A short name of lower-case letters, digits and -. A code is added to tell runs apart.",
    ),
    "operators": (
        "Kubernetes operators",
        """What to compare, in this order. Each one more takes as much time and money as the first.
        """,
    ),
    "application": ("Application", "The MPI program that is measured."),
    "application_options": (
        "Application options",
        """As JSON. lammps: {"x": 1, "y": 1, "z": 1} is 304 atoms and takes about a second,
        {"x": 64, "y": 16, "z": 16} is the problem of run 6.
        """,
    ),
    "operator_options": (
        "Operator options",
        """By operator, as JSON, for example {"flux_operator": {"option_flags": "-c 1"}}. A list of
        option_flags or launcher_creation_policy gives a cell for each value, so it takes longer.
        """,
    ),
    "image": (
        "Image",
        "The application's container image, best by digest. Empty: the cluster's own.",
    ),
    "mpi_implementation": ("MPI library", "The MPI library that the image carries."),
    "binding": ("Binding of ranks", "What an MPI process is bound to, alike under every operator."),
    "cluster": (
        "Cluster",
        """local: real nodes on this machine, needs root, free. simulated: nodes that only seem to
        run, free, its logs are SYNTHETIC. existing: one of yours, by its kubeconfig. eks: on AWS,
        made for the study and removed at the end; the 65 nodes of run 6 cost $187 an hour.
        """,
    ),
    "cluster_options": (
        "Cluster options",
        """As JSON. local and simulated: {"nodes": 2}. existing: {"kubeconfig": "/path",
        "context": "name"}. An option that the cluster does not know is refused by the task plan.
        """,
    ),
    "pod_resources": (
        "Resources of a pod",
        """CPU, memory and devices of each pod that carries ranks, as Kubernetes writes them. One
        such pod runs on each node.
        """,
    ),
    "environment": (
        "Environment of the ranks",
        """Variables as JSON, alike under every operator, for example {"OMP_NUM_THREADS": "1"}. On
        eks with EFA those that make MPI use it are set already, and what is given here wins.
        """,
    ),
    "image_pull_secret": (
        "Login to the registry",
        """Path of a Docker configuration on the machine that runs the tasks, or the name of a
        Secret in the namespace of an existing cluster. Empty: the registry needs no login.
        """,
    ),
    "nodes": (
        "Node counts",
        """Each operator runs the application on each of these numbers of nodes. The largest one is
        the size of the cluster, and so makes its price.
        """,
    ),
    "ranks_per_node": ("Ranks per node", "MPI processes on each node."),
    "repeats": (
        "Repeats (runs)",
        """Measured runs for each operator and node count: time and cost grow with it. Three show
        that it works; a verdict needs at least six, better twenty.
        """,
    ),
    "warmups": (
        "Warm-ups (runs)",
        "Runs before the first measured one. They take time and do not count in statistics.",
    ),
    "design": (
        "Order",
        """swap: one operator after the other, as in run 6. interleaved: all are installed and take
        turns in random blocks, so that a drift of the cluster hits all alike.
        """,
    ),
    "placement": (
        "Choice of nodes",
        """paired: the operators of a block run on the same nodes, drawn by the seed. free: the
        scheduler chooses. By the order: paired when interleaved, else free.
        """,
    ),
    "seed": ("Seed", "The same seed gives the same order."),
    "ask_approval": (
        "Ask before starting",
        """Waits after the plan until somebody has read what it comes to, and approves. Nothing is
        created and nothing costs before that.
        """,
    ),
    "max_usd": (
        "Most to spend (USD)",
        """A study that is estimated to cost more is refused before anything is created. Empty: no
        limit.
        """,
    ),
    "point_timeout_s": (
        "Time limit of a run (s)",
        "A run that takes longer is stopped, counts as failed, and the study goes on.",
    ),
    "ttl_hours": (
        "Cluster's time to live (h)",
        """After this time the cluster may be removed, whatever is running. Give more than the whole
        study takes.
        """,
    ),
    "results": (
        "Results location",
        "A folder, or s3://connection@bucket/prefix. Empty: the installation's own.",
    ),
}


def one_line(text: str) -> str:
    """A text of several lines as the form shows it."""
    return " ".join(dedent(text).split())


def title_and_help(name: str) -> tuple[str, str]:
    """Title and help of a field; KeyError for one that has none."""
    title, text = _TEXTS[name]
    return title, one_line(text)
