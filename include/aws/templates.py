"""Our CloudFormation templates as data."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "manifests" / "aws"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as their text: `!Sub text` is `text`."""


def _text(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return None


_Loader.add_multi_constructor("!", _text)


@lru_cache
def resources(template: str) -> dict[str, dict[str, Any]]:
    """Resources of a template in our folder, by their names in it."""
    text = (FOLDER / template).read_text()
    found: dict[str, dict[str, Any]] = yaml.load(text, Loader=_Loader)["Resources"]  # noqa: S506
    return found
