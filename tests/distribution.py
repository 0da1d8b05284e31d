"""Which tests run in one process when there are several."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# Folders whose files share what takes long to make, the longest first.
TOGETHER = ("tests/dags/", "tests/report/")


class ByFile(LoadFileScheduling):
    """A file's tests in one process, and those of such a folder."""

    def _split_scope(self, nodeid):
        folder = next((folder for folder in TOGETHER if nodeid.startswith(folder)), None)
        return folder or super()._split_scope(nodeid)
