"""The arrows between the parts of the project, and the size of their pieces."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "include").rglob("*.py"))
WIRING = sorted([*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").glob("*.py")])
HEAVY = {"boto3", "kubernetes", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "seaborn"}

# What a room may import of the others, itself apart. A room is a folder of `include`, or a
# module right below it that others build on.
GROUND = {"adapters", "errors", "limits", "models", "pod_resources", "provenance"}
GROUND |= {"checks", "results", "steps", "tariff", "variants"}
TEXT = {"parsers", "redact", "render"}
JOB = {"job_cleanup", "job_spec", "job_watch", "mpi_launch", "record", "timeline"}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    **dict.fromkeys(TEXT, GROUND | TEXT),
    "kube": GROUND | TEXT,
    "aws": GROUND | TEXT | {"kube"},
    "applications": GROUND | TEXT,
    "curve": GROUND,
    "presets": GROUND,
    "k8s_operators": GROUND | TEXT | {"kube", "mpi_launch", "curve"},
    "embedded": GROUND | TEXT | {"kube", "cache"},
    "simulation": GROUND | TEXT | {"kube", "embedded", "k8s_operators", "applications", "cache"},
    "clusters": GROUND
    | TEXT
    | {
        "kube",
        "aws",
        "embedded",
        "simulation",
        "k8s_operators",
        "applications",
        "cache",
        "job_cleanup",
    },
    "analysis": GROUND | {"parsers"},
    "report": GROUND | {"analysis", "cost", "kube", "applications", "k8s_operators", "clusters"},
    "recorded_runs": GROUND | TEXT | {"analysis", "applications", "report"},
    "cost": GROUND | {"applications", "clusters", "plan"},
    "regression": GROUND | {"analysis", "recorded_runs", "report", "k8s_operators"},
    "deployment": GROUND,
    "verdict": GROUND,
}
ANYTHING = {
    *("images", "plan", "preflight", "run_point", "measurement", "stopping", "study_run", "bench"),
    *("cache", "control_path", "nightly_demo", "teardown"),
} | JOB


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "include").parts
    return parts[0].removesuffix(".py")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports_of(path: Path, *, at_top: bool = False) -> set[str]:
    """Dotted names that a module imports; `at_top` leaves out those in functions and for types."""
    found: set[str] = set()
    nodes = _top_level(tree_of(path)) if at_top else ast.walk(tree_of(path))
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _top_level(tree: ast.Module):
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield from [node] if not isinstance(node, ast.Try | ast.If) else ast.walk(node)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def offenders(paths, wrong_in):
    """What is wrong by file, where something is; one test each would take longer than all."""
    return {relative(path): found for path in paths if (found := wrong_in(path))}


def roots_of(path: Path, *, at_top: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path, at_top=at_top)}


def test_include_does_not_know_airflow():
    unknown = {"airflow", "plugins", "dags", "tests"}
    assert offenders(MODULES, lambda path: roots_of(path) & unknown) == {}


def test_rooms_import_downwards_only():
    assert offenders(MODULES, upwards) == {}


def upwards(path: Path) -> set[str]:
    """Rooms that a module imports and may not."""
    room = room_of(path)
    if room in ANYTHING or room == "__init__":
        return set()
    rooms = {name.split(".")[1] for name in imports_of(path) if name.startswith("include.")}
    assert room in MAY_IMPORT, f"say in tests/test_architecture.py what {room} may import"
    return rooms - {room} - MAY_IMPORT[room]


CLUSTERS = {path.stem for path in (ROOT / "include" / "clusters").glob("[!_]*.py")}
OUTSIDE_CLUSTERS = [path for path in (*MODULES, *WIRING) if path.parent.name != "clusters"]


def test_clusters_that_are_looked_for_are_those_there_are():
    assert {"local", "simulated", "existing", "eks"} <= CLUSTERS
    assert not any(name.startswith("_") for name in CLUSTERS)


def test_nothing_branches_on_a_clusters_name_outside_its_room():
    lines = offenders(OUTSIDE_CLUSTERS, lambda path: branches(tree_of(path)))
    assert lines == {}, "let the cluster's adapter say it"


def test_clusters_are_loaded_by_the_studys_name_alone():
    adapters = {f"include.clusters.{name}" for name in CLUSTERS}
    assert offenders(OUTSIDE_CLUSTERS, lambda path: imports_of(path) & adapters) == {}


def branches(tree: ast.Module) -> set[int]:
    """Lines that compare with a cluster's name, look one up, or ask how a name begins or ends."""
    return {
        part.lineno
        for node in ast.walk(tree)
        for place in _deciding(node)
        for part in ast.walk(place)
        if isinstance(part, ast.Constant) and part.value in CLUSTERS
    }


def _deciding(node: ast.AST) -> list[ast.AST]:
    """The parts of a node in which a cluster's name would decide something."""
    if isinstance(node, ast.match_case):
        return [node.pattern]
    if isinstance(node, ast.Compare):
        return [node]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return list(node.args) if node.func.attr in {"startswith", "endswith"} else []
    if isinstance(node, ast.Dict):  # a table by cluster, not an object with a field of that name
        keys = [key for key in node.keys if key is not None]
        names = {key.value for key in keys if isinstance(key, ast.Constant)}
        return list(keys) if len(names & CLUSTERS) > 1 else []
    return []


@pytest.mark.parametrize(
    "text",
    [
        'if study.cluster == "local": pass',
        'x = cluster in ("simulated", "eks")',
        'match name:\n  case "existing": pass',
        'PACE = {"local": 1, "simulated": 2}[cluster]',
        'x = handle.cluster.startswith("local")',
    ],
)
def test_branches_on_a_clusters_name_are_seen(text):
    assert branches(ast.parse(text))


def test_dags_and_plugins_load_nothing_heavy():
    assert offenders(WIRING, lambda path: roots_of(path, at_top=True) & HEAVY) == {}


def test_modules_are_small():
    lines = {relative(path): len(path.read_text().splitlines()) for path in (*MODULES, *WIRING)}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_functions_are_small():
    assert offenders([*MODULES, *WIRING], long_functions) == {}


def long_functions(path: Path) -> dict[str, int]:
    """Lines by name of the functions that have more than fifty."""
    return {
        node.name: node.end_lineno - node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not _is_data(node)
        and node.end_lineno - node.lineno > 50
    }


def _is_data(function):
    """Whether the function has no steps: it names a few values and returns a table of them."""
    body = [node for node in function.body if not isinstance(node, ast.Expr | ast.Assign)]
    return len(body) == 1 and isinstance(body[0], ast.Return)


def test_every_dag_file_has_tests():
    tested = "\n".join(path.read_text() for path in (ROOT / "tests" / "dags").glob("*.py"))
    missing = [p.stem for p in (ROOT / "dags").glob("*.py") if p.stem not in tested]
    assert not missing


def test_nothing_names_a_package_index_or_this_machine():
    files = ["Makefile", "pyproject.toml", "requirements.lock", *(ROOT / "bin").iterdir()]
    for name in files:
        text = (ROOT / name).read_text()
        assert "index-url http" not in text
        assert str(ROOT) not in text
