"""Our CloudFormation templates as data."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "manifests" / "aws"


class _AsText(yaml.SafeLoader):
    """Reads CloudFormation's short tags as their text: `!Sub text` is `text`."""


class _AsFunctions(yaml.SafeLoader):
    """Reads CloudFormation's short tags in their long form: `!Sub x` is `{"Fn::Sub": "x"}`."""


def _content(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return None


def _text(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    return _content(loader, node)


def _function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    content = _content(loader, node)
    if tag in {"Ref", "Condition"}:
        return {tag: content}
    if tag == "GetAtt":
        content = content.split(".", 1)
    return {f"Fn::{tag}": content}


_AsText.add_multi_constructor("!", _text)
_AsFunctions.add_multi_constructor("!", _function)


@lru_cache
def resources(template: str) -> dict[str, dict[str, Any]]:
    """Resources of a template in our folder by logical name, with functions as text."""
    text = (FOLDER / template).read_text()
    listed: dict[str, dict[str, Any]] = yaml.load(text, Loader=_AsText)["Resources"]  # noqa: S506
    return listed


@lru_cache
def _read(template: str) -> dict[str, Any]:
    text = (FOLDER / template).read_text()
    document: dict[str, Any] = yaml.load(text, Loader=_AsFunctions)  # noqa: S506  a SafeLoader
    return document


def read(template: str) -> dict[str, Any]:
    """A copy of the template, functions in their long form, as CloudFormation takes JSON."""
    return copy.deepcopy(_read(template))
