"""Checks that a view image is available, and that its Flux runs in the application's image."""

from __future__ import annotations

import http.client
import re
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from include.embedded.commands import run
from include.errors import ClusterError

if TYPE_CHECKING:
    from include.embedded.image_store import Store

ANSWER_LIMIT_S = 5.0
TRY_LIMIT_S = 120.0
_VERSION = re.compile(r"^commands:\s+(\S+)", re.MULTILINE)
# Both images as in a pod: the view's files copied to the path that Flux expects, and its Python
# under its full name alone, to which the Flux Operator's start script reduces it. Starting Flux
# takes that Python, as its own start scripts are commands in it.
_TRY = """\
set -eu
view=$(ls "$1/view/opt/views/._view" 2>/dev/null | head -n 1)
[ -n "$view" ] || { echo "no /opt/views/._view/<name> in it: this is no view image" >&2; exit 1; }
mount --bind /proc "$1/application/proc"
mount -t tmpfs tmpfs "$1/application/mnt"
mkdir -p "$1/application/mnt/flux/view"
mount --bind "$1/view/opt/views/._view/$view" "$1/application/mnt/flux/view"
if [ -d "$1/view/opt/software" ]; then
  mkdir -p "$1/application/mnt/software"
  mount --bind "$1/view/opt/software" "$1/application/mnt/software"
fi
[ -x "$1/application/usr/bin/time" ] || { echo "/usr/bin/time is not in the image" >&2; exit 1; }
exec chroot "$1/application" /bin/bash -c '
  view=/mnt/flux/view
  export PATH="$PATH:$view/bin" LD_LIBRARY_PATH=$view/lib
  for python in "$view"/lib/python3*; do
    if [ -f "$view/bin/${python##*/}" ]; then rm -f "$view/bin/python3" "$view/bin/python"; fi
  done
  flux version && flux start true'
"""


def version(images: Store, *, view: str, application: str) -> str:
    """The version of a view's Flux, found by starting it in the application's image.

    ClusterError with the message of the linker or the shell when it does not run there.
    """
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        mounted: list[Path] = []
        try:
            for name, reference in (("application", application), ("view", view)):
                folder = root / name
                folder.mkdir()
                images.run("images", "mount", "--rw", reference, folder)
                mounted.append(folder)
            apart = ("unshare", "--mount", "--propagation", "private", "--")
            output = run([*apart, "bash", "-c", _TRY, "try", root], timeout_s=TRY_LIMIT_S)
        except ClusterError as err:
            msg = f"the view's Flux does not run in the application's image: {_words(err)}"
            raise ClusterError(msg) from err
        finally:
            for folder in mounted:
                images.run("images", "unmount", "--rm", folder)
    if (match := _VERSION.search(output)) is None:
        raise ClusterError(f"the view's `flux version` prints no version: {output.strip()}")
    return match[1]


def _words(error: ClusterError) -> str:
    """The message of a failed program, without its command."""
    return str(error).rpartition("` failed ")[2].partition(": ")[2] or str(error)


def require_answer(reference: str) -> None:
    """ClusterError, within seconds, when the registry of a reference does not answer."""
    host = reference.partition("/")[0]
    scheme = "http" if is_loopback(reference) else "https"
    try:
        with urllib.request.urlopen(f"{scheme}://{host}/v2/", timeout=ANSWER_LIMIT_S):  # noqa: S310
            return
    except urllib.error.HTTPError as err:
        if err.code in (http.client.UNAUTHORIZED, http.client.NOT_FOUND):
            return  # it asks for a token, which it gives to anyone for a public image
        reason = f"HTTP {err.code}"
    except (OSError, ssl.SSLError, http.client.HTTPException) as err:
        reason = str(err)
    raise ClusterError(f"{host} does not answer ({reason})")


def is_loopback(reference: str) -> bool:
    """True if the registry is on this machine, where it needs no TLS."""
    return reference.partition("/")[0].partition(":")[0] in ("localhost", "127.0.0.1")
