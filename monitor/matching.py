"""Matchers on an alert's labels, written as for Alertmanager: ``topic=court``, ``owner!~"desk|ops"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer

_PARTS = re.compile(r"\s*([^=!~]+?)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """One condition on one label. A label that an alert does not have is the empty text."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` fulfil it; regular expressions must match the whole value."""
        given = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (given == self.value) is (self.operator == "=")
        return (_compiled(self.value).fullmatch(given) is not None) is (self.operator == "=~")

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{quoted}"'


def parse_matcher(text: str) -> Matcher:
    """A matcher from ``label=value``, ``label!=value``, ``label=~pattern`` or ``label!~pattern``.

    The value may stand in double quotes, with ``\\\\"`` for a quotation mark inside.

    :raises ValueError: with what is wrong.
    """
    found = _PARTS.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a matcher; write label=value, label!=value, label=~pattern or label!~pattern"
        )
    label, operator, value = found.groups()
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise ValueError(f"{text!r} lacks the quotation mark at its end")
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if operator in ("=~", "!~"):
        try:
            _compiled(value)
        except re.error as error:
            raise ValueError(f"{text!r} has no valid regular expression: {error}") from None
    return Matcher(label, operator, value)  # type: ignore[arg-type]


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher does; none at all match everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def parse_matchers(value: Any) -> tuple[Matcher, ...]:
    """Matchers from a table ``{ label = "value" }`` or a list ``["label=value", ...]``.

    :raises ValueError: with what is wrong.
    """
    if isinstance(value, Mapping):
        wrong = [key for key, item in value.items() if not isinstance(item, str)]
        if wrong:
            raise ValueError(f"the value of {wrong[0]} must be a text")
        return tuple(Matcher(str(key), "=", item) for key, item in value.items())
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence):
        raise ValueError('must be matchers, such as { owner = "desk" } or ["topic=~court|fine"]')
    return tuple(item if isinstance(item, Matcher) else parse_matcher(str(item)) for item in value)


Matchers = Annotated[
    tuple[Matcher, ...],
    BeforeValidator(parse_matchers),
    PlainSerializer(lambda matchers: [str(m) for m in matchers]),
]
"""A settings field that holds matchers."""


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
