"""Sentences on what is wrong with a study: the field, its constraint, and the given value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from include.adapters import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError

# By pydantic's type of error; the names in braces are its own.
_SENTENCES = {
    "greater_than_equal": "must be {ge:.12g} or more",
    "greater_than": "must be more than {gt:.12g}",
    "less_than_equal": "must be {le:.12g} or less",
    "too_short": "needs at least one value",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "dict_type": "must be a JSON object",
    "missing": "is missing",
    "enum": "must be {expected}",
}
_PATTERNS = {"name": "must be at most 24 lower-case letters, digits and -, beginning with a letter"}


def complaints(err: ValidationError, *, prefix: str, known: Iterable[str]) -> str:
    """A line for each of pydantic's errors; `known` are the existing fields."""
    names = tuple(known)
    # To pydantic a wrong item does not count, so it also finds the list too short.
    own = [each for each in err.errors() if each["type"] != "too_short" or not each["input"]]
    return "\n".join(_line(each, prefix=prefix, known=names) for each in own)


def _line(each: Any, *, prefix: str, known: tuple[str, ...]) -> str:
    parts = [str(part) for part in each["loc"] if part not in {"", "[key]"}]
    place = ".".join(part for part in (prefix, *parts) if part)
    return f"{place}: {_sentence(each, parts, known)} (given: {each['input']!r})"


def _sentence(each: Any, parts: list[str], known: tuple[str, ...]) -> str:
    if each["type"] == "extra_forbidden":
        hint = did_you_mean(parts[-1], known) or f"choose from {', '.join(sorted(known))}"
        return f"there is no such field; {hint}"
    if each["type"] == "string_pattern_mismatch" and parts[-1] in _PATTERNS:
        return _PATTERNS[parts[-1]]
    if (sentence := _SENTENCES.get(each["type"])) is not None:
        return sentence.format(**each.get("ctx", {}))
    return str(each["msg"]).removeprefix("Value error, ")
