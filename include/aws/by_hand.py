"""Deletes the cluster of one study at once, for someone who cannot wait for the guards."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from include.aws import reaper, removal, session
from include.aws import stack as stacks
from include.aws.census import census
from include.aws.problems import explained
from include.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NOTHING = "nothing to clean"


def delete(study_id: str, *, region: str | None) -> int:
    """0 once nothing of the study is left in any region; 1 when something may be."""
    try:
        outcomes = list(_delete_in([region] if region else reaper.all_regions(), study_id=study_id))
    except ClusterError as err:
        sys.stderr.write(f"{err}\nthe cluster of {study_id} may still exist and cost money\n")
        return 1
    sys.stdout.write("\n".join(outcomes or [NOTHING]) + "\n")
    return 0


@explained
def _delete_in(regions: Iterable[str], *, study_id: str) -> list[str]:
    return [line for region in regions for line in _deleted(clients_in(region), region, study_id)]


def _deleted(client: Callable[[str], Any], region: str, study_id: str) -> Iterator[str]:
    """The actions taken, in words; ClusterError when something remains."""
    find = functools.partial(stacks.find_own, client("cloudformation"), study_id)
    if find() is None:  # roles belong to no region, so a census here would find those of others
        return
    removal.delete_stack(client, find)
    if left := census(client, study_id):
        raise ClusterError(f"{region} still has {', '.join(left)}")
    yield f"the cluster of {study_id} in {region} has been deleted"


def clients_in(region: str) -> Callable[[str], Any]:
    """A function that makes the client of a service in the region."""
    return functools.cache(lambda service: session.client(service, region))
