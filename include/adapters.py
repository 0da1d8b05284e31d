"""Finds adapters by module name, so that a new one is one file and no edit elsewhere."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
from abc import ABC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from include.base_model import Model
from include.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from pydantic import JsonValue

# A study's options for an adapter; any, where the adapter is unknown.
OptionsT = TypeVar("OptionsT", bound=Model, default=Any)


# Names a user's folder with `applications/`, `k8s_operators/`, `clusters/` or `presets/`.
OWN_FOLDER = "OPERATOR_BENCHMARK_ADAPTERS"


class Adapter(ABC, Generic[OptionsT]):
    """The common base of operators, applications and clusters."""

    name: str  # the module's name; studies refer to the adapter by it
    title: str  # label in tables and figures
    options: type[OptionsT]  # the study's options for it

    def read_options(self, given: Mapping[str, JsonValue]) -> OptionsT:
        """The study's options for this adapter; pydantic's ValidationError when invalid."""
        return self.options.model_validate(dict(given))


def available(package: ModuleType) -> tuple[str, ...]:
    """Names of the adapters in a package: its modules that do not start with `_`, sorted.

    Includes those in a folder of the package's name below `OWN_FOLDER`.
    """
    _with_own(package)
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def own_folder(room: str) -> Path | None:
    """The user's own folder for a room of the project; None if there is none."""
    given = os.environ.get(OWN_FOLDER)
    folder = Path(given) / room if given else None
    return folder if folder is not None and folder.is_dir() else None


def _with_own(package: ModuleType) -> None:
    """Add the user's own folder to a package's search path, after the project's."""
    folder = own_folder(package.__name__.rsplit(".", 1)[-1])
    if folder is not None and str(folder) not in package.__path__:
        package.__path__.append(str(folder))
        importlib.invalidate_caches()


def summary(package: ModuleType, name: str) -> str:
    """An adapter in a sentence: the first line of its module, which is not loaded."""
    folders = (Path(folder) for folder in package.__path__)
    path = next(path_in for folder in folders if (path_in := folder / f"{name}.py").exists())
    with path.open() as file:
        return file.readline().strip().removeprefix('"""').removesuffix('"""')


def title(package: ModuleType, name: str) -> str:
    """An adapter's title, or its name in words if it is not installed here."""
    if name in available(package):
        return str(load(package, name).title)
    return name.replace("_", " ").title()


def load(package: ModuleType, name: str) -> Any:
    """The `ADAPTER` of the module `name`; StudyError listing the valid names otherwise."""
    if name not in available(package):
        room = package.__name__.rsplit(".", 1)[-1]
        hint = did_you_mean(name, available(package))
        choices = f"choose from {', '.join(available(package))}"
        raise StudyError(f"{room} has no {name!r}; {f'{hint} ' if hint else ''}{choices}")
    return importlib.import_module(f"{package.__name__}.{name}").ADAPTER


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A suggestion after a typo, None when no choice is similar."""
    names = {choice.replace("_", "-"): choice for choice in choices}
    near = difflib.get_close_matches(word.replace("_", "-"), names, n=1)
    return f"did you mean {names[near[0]]}?" if near else None
