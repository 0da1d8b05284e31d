"""The output of the script that examines an image, and the script itself.

A line is `look <name> <text>`, without text for missing things. Other lines are the image's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import ParseError
from include.models import MpiImplementation

if TYPE_CHECKING:
    from collections.abc import Iterable

# The PATH that `sshd` gives root, on Debian and on Red Hat's family.
SSH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAST = "look end yes"
# For any POSIX shell; $1: program, $2: its folder, $3: launcher of the MPI library.
SCRIPT = f"""\
say() {{ echo "look $1 $2"; }}
own_path=$PATH
if [ -d "$2" ]; then say folder "$2"; cd "$2" || exit; fi
say program_in_image "$(command -v "$1")"
PATH={SSH_PATH}
for name in bash ssh ssh-keygen mpirun mpiexec.hydra timeout; do
  say "$name" "$(command -v "$name")"
done
for path in /usr/sbin/sshd /usr/bin/time; do
  if [ -x "$path" ]; then say "${{path##*/}}" "$path"; fi
done
program=$(command -v "$1")
say program "$program"
say architecture "$(uname -m)"
PATH=$PATH:$own_path
"$3" --version 2>&1 < /dev/null | while read -r line; do say launcher_version "$line"; done
program=$(command -v "$1")
if [ -f "$program" ]; then
  ldd "$program" 2>/dev/null | while read -r line; do say library "$line"; done
fi
echo "{LAST}"
"""
_LINE = re.compile(r"look ([a-z_.-]+) ?(.*)")
_OPEN_MPI = re.compile(r"\(Open(?: |)MPI\) ([0-9][\w.]*)")
_HYDRA = re.compile(r"Version:\s+([0-9][\w.]*)")
# Names of MPI's library, in use since 2014 and 2012.
_LIBRARIES = {
    MpiImplementation.MPICH: re.compile(r"lib(?:mpi\.so\.12|mpich[\w.-]*)\b"),
    MpiImplementation.OPENMPI: re.compile(r"libmpi\.so\.(?:[1-9]\b|20|40|80)\b"),
}


@dataclass(frozen=True, kw_only=True)
class ImageLook:
    """Findings in an image, by the names of the script."""

    paths: dict[str, str]
    launcher: MpiImplementation | None  # flavour, from the launcher's own output
    launcher_version: str | None
    libraries: tuple[MpiImplementation, ...]  # flavours that the program is linked with
    missing_libraries: tuple[str, ...]  # of the program

    @property
    def mpi_version(self) -> str | None:
        """The MPI library with its version, such as `Open MPI 4.1.4`; None when unknown."""
        names = {MpiImplementation.OPENMPI: "Open MPI", MpiImplementation.MPICH: "MPICH"}
        return f"{names[self.launcher]} {self.launcher_version}" if self.launcher else None


def parse(lines: Iterable[str]) -> ImageLook:
    """The complete output of the script; ParseError when it is truncated."""
    stripped = list(map(str.rstrip, lines))
    if LAST not in stripped:
        raise ParseError("the look into the image did not come to its end")
    pairs = [match.groups() for line in stripped if (match := _LINE.fullmatch(line))]
    version = "\n".join(text for name, text in pairs if name == "launcher_version")
    libraries = [text for name, text in pairs if name == "library"]
    flavour, number = _launcher(version)
    return ImageLook(
        paths={name: text for name, text in pairs if text and name not in {"library", "end"}},
        launcher=flavour,
        launcher_version=number,
        libraries=tuple(
            each
            for each, pattern in _LIBRARIES.items()
            if any(pattern.search(line) for line in libraries)
        ),
        missing_libraries=tuple(
            line.partition(" ")[0] for line in libraries if line.endswith("not found")
        ),
    )


def _launcher(version: str) -> tuple[MpiImplementation | None, str | None]:
    if match := _OPEN_MPI.search(version):
        return MpiImplementation.OPENMPI, match[1]
    if "HYDRA" in version and (match := _HYDRA.search(version)):
        return MpiImplementation.MPICH, match[1]
    return None, None
