"""What pydantic finds wrong with a table, in words for the person who wrote it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core.core_schema import ErrorType

from monitor.durations import format_duration, parse_duration
from monitor.errors import Fault

_WORDS = {
    "path_type": "must be a path",
    "string_type": "must be a text",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "missing": "is required",
}
_OWN_WORDS = frozenset(typing.get_args(ErrorType)) - {"value_error", "assertion_error"}
"""Kinds of errors whose words are pydantic's own: those of the others are a validator's, which may quote any value."""
_BOUNDS = {"le": "at most", "lt": "less than", "ge": "at least", "gt": "more than"}


def faults(
    error: ValidationError,
    model: type[BaseModel],
    table: Mapping[str, Any],
    place: str,
    hidden: Mapping[str, str] | None = None,
    core: type[BaseModel] | None = None,
) -> list[Fault]:
    """The faults of ``table``, each once, with its place below ``place``.

    A value that fits none of several types is reported by pydantic once for each; here it is
    one fault that names what is allowed. No value is told that the model takes for a secret, or
    that is ``hidden``, where values are by place. ``core``: the model of the settings beside these
    that the table may have, whatever its plugin or kind.
    """
    hidden = hidden or {}
    found: dict[str, list[str]] = {}
    errors = error.errors()
    for item in errors:
        size, loc = len(item["loc"]), item["loc"]
        if item["type"] == "too_short" and any(e["loc"][:size] == loc != e["loc"] for e in errors):
            continue  # it is too short without the items that are faults themselves
        where = _where(item["loc"], table)
        full = place
        for step in where:
            full += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if full else step
        words = _words(dict(item), model, where, full in hidden or _is_secret(model, where))
        if core is not None and item["type"] == "extra_forbidden" and len(where) == 1:
            own = f"{words};" if model.model_fields else words.removesuffix(": ")
            words = f"{own} in all {place.split('[')[0]}: {_known(core)}"
        words = words if item["type"] in _OWN_WORDS else without_secrets(words, hidden, place)
        if words not in found.setdefault(full, []):
            found[full].append(words)
    return [Fault(where, ", or ".join(words)) for where, words in found.items()]


def with_names(found: Iterable[Fault], document: Mapping[str, Any]) -> list[Fault]:
    """The faults, each with the name of the table that it is in, where that has one."""
    named = []
    for one in found:
        fault = one
        place = re.match(r"(sources|tasks|rules|notifiers)\[(\d+)\]", fault.place)
        tables = document.get(place[1]) if place else None
        number = int(place[2]) if place else 0
        table = tables[number - 1] if isinstance(tables, list) and number <= len(tables) else None
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str) and not fault.place.endswith("].name"):
            fault = replace(fault, name=name)
        named.append(fault)
    return named


def _where(location: tuple[int | str, ...], table: Any) -> tuple[int | str, ...]:
    """The location without pydantic's names of the types it tried."""
    steps: list[int | str] = []
    value = table
    for step in location:
        if isinstance(value, Mapping) and isinstance(step, str):
            # a key that is missing is a place as well, unless it is the name of a type
            if step in value or step == location[-1]:
                steps.append(step)
                value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int):
            steps.append(step)
            value = value[step] if step < len(value) else None
    return tuple(steps)


def _words(item: dict[str, Any], model: type[BaseModel], where: tuple[int | str, ...], secret: bool) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        return f"is not known here; known: {_known(_model_at(model, where[:-1]))}"
    if kind in _WORDS:
        text = _WORDS[kind]
    else:
        text = str(item["msg"]).removeprefix("Value error, ")
        if kind not in _OWN_WORDS and secret and isinstance(value, str):
            text = without_secrets(text, {"": value})
        if kind == "value_error":
            return text
        bound = next((name for name in _BOUNDS if name in item.get("ctx", {})), None)
        if bound is not None and isinstance(value, float) and _is_duration(model, where):
            text = f"must be {_BOUNDS[bound]} {_span(item['ctx'][bound])}"
            return text if secret else f"{text} (it is {_span(value)})"
        text = f"{text[:1].lower()}{text[1:]}"
    untold = secret or kind == "missing" or isinstance(value, dict | list)
    return text if untold else f"{text} (it is {value!r})"


def _known(model: type[BaseModel]) -> str:
    return ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))


def without_secrets(text: str, hidden: Mapping[str, str], place: str = "") -> str:
    """What code says that may quote a value, without the values that are hidden at or below ``place``."""
    secrets = {value for where, value in hidden.items() if where.startswith(place)}
    for secret in sorted(secrets | {repr(secret)[1:-1] for secret in secrets}, key=len, reverse=True):
        text = text.replace(secret, "***") if secret else text
    return text


def _is_secret(model: type[BaseModel], where: tuple[int | str, ...]) -> bool:
    """Whether a setting, or what it is a part of, is a ``SecretStr`` or the like."""
    models = [model]
    for step in (step for step in where if isinstance(step, str)):
        fields = [
            field for one in models for name, field in one.model_fields.items() if step in _names(name, field)
        ]
        if any(_holds_secret(field.annotation) for field in fields):
            return True
        models = [inner for field in fields for inner in _models(field.annotation)]
    return False


def _names(name: str, field: FieldInfo) -> list[object]:
    """How a setting may be written."""
    aliases = field.validation_alias
    return [name, field.alias, *(getattr(aliases, "choices", None) or [aliases])]


def _holds_secret(annotation: Any) -> bool:
    for kind in (annotation, typing.get_origin(annotation)):
        if inspect.isclass(kind) and issubclass(kind, Secret | SecretStr | SecretBytes):
            return True
    return any(_holds_secret(argument) for argument in typing.get_args(annotation))


def _span(seconds: float) -> str:
    """A duration as it could be written, also where it is shorter than a second."""
    if abs(seconds) < 1:
        return f"{seconds:g}s"
    return ("-" if seconds < 0 else "") + format_duration(abs(seconds))


def _is_duration(model: type[BaseModel], where: tuple[int | str, ...]) -> bool:
    """Whether a setting is written as ``5m``."""
    field = _model_at(model, where[:-1]).model_fields.get(str(where[-1])) if where else None
    if field is None:
        return False
    nested = [
        mark for part in typing.get_args(field.annotation) for mark in getattr(part, "__metadata__", ())
    ]
    return any(getattr(mark, "func", None) is parse_duration for mark in [*field.metadata, *nested])


def _model_at(model: type[BaseModel], where: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of a table inside a table, as far as its fields tell."""
    for step in where:
        if isinstance(step, str) and step in model.model_fields:
            model = next(_models(model.model_fields[step].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
