"""The arrows between the parts of the project, and the size of their pieces."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "include").rglob("*.py"))
WIRING = sorted([*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").glob("*.py")])
HEAVY = {"boto3", "kubernetes", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "seaborn"}

# The rooms from the ground floor up: a room imports itself, rooms before it, and the ground. Ground
# is a module right below `include` that many rooms use; it imports ground alone.
FLOORS = (
    *("models", "parsers", "results", "kube", "applications", "k8s_operators", "jobs", "aws"),
    *("embedded", "simulation", "clusters", "analysis", "cost", "report", "recorded_runs"),
    *("study", "regression", "deployment", "control_path", "bench", "drills", "cli"),
)
GROUND = {path.stem for path in (ROOT / "include").glob("[!_]*.py")}
MOST_GROUND = 10  # modules
FEWEST_USERS = 2  # rooms and ground modules that use a module of the ground


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "include").parts
    return parts[0].removesuffix(".py")


ROOMS = {room_of(path) for path in MODULES}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
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
    """What a module imports that is neither below its room nor in it."""
    room = room_of(path)
    if room == "__init__":
        return rooms_that(path)
    if room in GROUND:
        return rooms_that(path) - GROUND
    return rooms_that(path) - GROUND - set(FLOORS[: FLOORS.index(room) + 1])


def rooms_that(path: Path) -> set[str]:
    """The rooms and ground modules that a module imports, be it for types or in a function."""
    return ROOMS & {name.split(".")[1] for name in imports_of(path) if name.startswith("include.")}


def test_every_room_has_its_floor():
    assert sorted(FLOORS) == sorted({room_of(path) for path in MODULES} - GROUND - {"__init__"})


def test_the_ground_is_small_and_used_by_many():
    assert len(GROUND) <= MOST_GROUND
    users = {
        name: {room_of(path) for path in MODULES if name in rooms_that(path)} - {name}
        for name in GROUND
    }
    assert {name: who for name, who in users.items() if len(who) < FEWEST_USERS} == {}


def test_no_room_is_in_a_circle():
    """Floors allow none; this finds one also where floors were bent."""
    arrows = {room: set() for room in (*FLOORS, *GROUND)}
    for path in MODULES:
        if room_of(path) in arrows:
            arrows[room_of(path)] |= rooms_that(path) & set(arrows) - {room_of(path)}
    assert tuple(graphlib.TopologicalSorter(arrows).static_order())


def test_the_page_lists_all_rooms_in_the_order_of_their_floors():
    page = (ROOT / "docs" / "architecture.md").read_text()
    listed = re.findall(r"^  ([a-z0-9_]+)/ ", page, flags=re.MULTILINE)
    assert [room for room in listed if room != "manifests"] == list(FLOORS)
    modules = re.findall(r"(?:^  |;  )([a-z_]+)\.py  ", page, flags=re.MULTILINE)
    assert set(modules) == GROUND


@pytest.mark.parametrize(
    ("room", "imported", "is_upwards"),
    [
        ("models", "include.errors", False),
        ("models", "include.study.plan", True),
        ("study", "include.clusters", False),
        ("study", "include.regression.nights", True),
        ("errors", "include.models", True),
    ],
)
def test_arrows_upwards_are_seen(monkeypatch, room, imported, is_upwards):
    monkeypatch.setattr(f"{__name__}.imports_of", lambda path: {imported})
    place = "include/errors.py" if room in GROUND else f"include/{room}/__init__.py"
    assert bool(upwards(ROOT / place)) is is_upwards


ADAPTERS = {
    room: {path.stem for path in (ROOT / "include" / room).glob("[!_]*.py")}
    for room in ("clusters", "k8s_operators")
}

FIELDS = {"local", "simulated"}  # names of clusters that are fields of records and addresses too


def outside(room: str) -> list[Path]:
    return [path for path in (*MODULES, *WIRING) if path.parent.name != room]


def test_adapters_that_are_looked_for_are_those_there_are():
    assert {"local", "simulated", "existing", "eks"} <= ADAPTERS["clusters"]
    assert {"mpi_operator", "flux_operator", "indexed_job"} <= ADAPTERS["k8s_operators"]


@pytest.mark.parametrize("room", ADAPTERS)
def test_nothing_branches_on_an_adapters_name_outside_its_room(room):
    lines = offenders(outside(room), lambda path: branches(tree_of(path), ADAPTERS[room]))
    assert lines == {}, "let the adapter say it"


@pytest.mark.parametrize("room", ADAPTERS)
def test_adapters_are_loaded_by_the_studys_name_alone(room):
    modules = {f"include.{room}.{name}" for name in ADAPTERS[room]}
    assert offenders(outside(room), lambda path: imports_of(path) & modules) == {}


def branches(tree: ast.Module, names: set[str]) -> set[int]:
    """Lines that compare with an adapter's name, look one up, or ask how a name begins or ends.

    A name counts where it is written out and where it is a constant of the module.
    """
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and names & _texts(node.value)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }
    return {
        part.lineno
        for node in ast.walk(tree)
        for place in _deciding(node, names)
        for part in ast.walk(place)
        if (isinstance(part, ast.Constant) and part.value in names)
        or (isinstance(part, ast.Name) and part.id in constants)
    }


def _texts(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}


def _deciding(node: ast.AST, names: set[str]) -> list[ast.AST]:
    """The parts of a node in which an adapter's name would decide something."""
    if isinstance(node, ast.match_case):
        return [node.pattern]
    if isinstance(node, ast.Compare):
        return [node]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        looks_up = node.func.attr == "get" and not _texts(node) & FIELDS
        return list(node.args) if looks_up or node.func.attr in {"startswith", "endswith"} else []
    if isinstance(node, ast.Subscript) and not _texts(node.slice) & FIELDS:
        return [node.slice]
    if isinstance(node, ast.Dict):  # a table by adapter, not an object with a field of that name
        keys = [key for key in node.keys if key is not None]
        texts = {key.value for key in keys if isinstance(key, ast.Constant)}
        return list(keys) if len(texts & names) > 1 else []
    return []


@pytest.mark.parametrize(
    "text",
    [
        'if study.cluster == "local": pass',
        'x = cluster in ("simulated", "eks")',
        'match name:\n  case "existing": pass',
        'PACE = {"local": 1, "simulated": 2}[cluster]',
        'x = handle.cluster.startswith("local")',
        'x = study.cluster_options.get("existing", {})',
        'x = PACES["eks"]',
        'HERE = "local"\nx = study.cluster == HERE',
    ],
)
def test_branches_on_an_adapters_name_are_seen(text):
    assert branches(ast.parse(text), ADAPTERS["clusters"])


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


def test_the_demo_knows_no_cluster_and_reads_no_log():
    lines = (ROOT / "bin" / "demo").read_text().splitlines()
    code = "\n".join(line for line in lines if not line.startswith("#"))
    assert not set(re.findall(r"\w+", code)) & ADAPTERS["clusters"]
    assert not re.search(r"\b(sed|grep|awk)\b", code)
