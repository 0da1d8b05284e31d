"""Findings of listed studies and imports, read from their folders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from include.report.digest import read_digest
from include.report.pages import StudyLine
from include.results import Results
from plugins.studies import installation_root, origin_at, study_ids, unreadable
from plugins.study_context import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READ_AS = "operator_benchmark"  # whoever may read its runs may read imports


def study_of(name: str) -> Results:
    """A study in the installation's own results, by its id."""
    return Results(locate(f"{installation_root()}/{name}"))


def imports(known: Iterable[StudyLine], *, may_read: Callable[[str], bool]) -> list[StudyLine]:
    """The imports in the installation's results, for those who may read studies."""
    if not may_read(READ_AS):
        return []
    root = installation_root()
    names = set(study_ids(root, pattern="*")) - {line.study_id for line in known}
    lines = [
        StudyLine(study_id=name, dag_id="", run_id="", planned_at=None, points=None, state=None)
        for name in names
        if origin_at(f"{root}/{name}") is None
    ]
    digested = with_digests(lines)
    return [line for line in digested if line.digest is not None and line.digest.kind == "import"]


def with_digests(lines: Iterable[StudyLine]) -> list[StudyLine]:
    """The lines with their reports' results, only for those in the installation's own results."""
    root, given = installation_root(), list(lines)

    def read(line: StudyLine) -> StudyLine:
        address = f"{root}/{line.study_id}"
        if line.run_id:  # an edited XCom may name another DAG's study
            origin = origin_at(address)
            if origin is None or (origin.dag_id, origin.run_id) != (line.dag_id, line.run_id):
                return line
        digest = read_digest(Results(locate(address)))
        began = digest.began_at if digest else None
        planned_at = line.planned_at or began
        return line.model_copy(update={"digest": digest, "planned_at": planned_at})

    try:
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(read, given))
    except OSError as err:
        raise unreadable(root, err) from err
