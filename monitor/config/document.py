"""The TOML document of a configuration file, before anything in it is checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError, Fault

_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|#.*")
_FOREIGN = re.compile(r"[\w-]*[^\W\x00-\x7f][\w-]*")  # a bare key of TOML 1.0 is of ASCII letters


def read_document(path: Path) -> dict[str, Any]:
    """The TOML document as it stands, secrets not yet looked up.

    :raises ConfigError: if it cannot be read or is not TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors begin files with a mark
    except FileNotFoundError:
        advice = "name another with --config FILE or in MONITOR_CONFIG"
        raise ConfigError(path, [Fault("", "there is no such file", advice=advice)]) from None
    except OSError as error:
        raise ConfigError(path, [Fault("", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(path, [Fault("", f"is not TOML: {error}")]) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, [Fault("", f"is not TOML: {error}", advice=_quotes(text, error))]) from None


def _quotes(text: str, error: tomllib.TOMLDecodeError) -> str:
    """What to do where a name is no TOML because of its letters; empty where that is not it."""
    places = re.findall(r"\(at line (\d+)", str(error))
    line = _STRING.sub(" ", text.split("\n")[int(places[-1]) - 1]) if places else ""
    found = _FOREIGN.search(line)
    whole = not {'"', "'"} & set(line)  # else a string has no end
    return f'write names with such letters in quotes: "{found[0]}"' if found and whole else ""


def disabled_plugins(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Names under ``[plugins] disabled``, before anything else is checked."""
    table = document.get("plugins")
    names = table.get("disabled", []) if isinstance(table, dict) else []
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def notifier_names(document: Mapping[str, Any]) -> list[str]:
    """The names of the notifiers in the document, whatever else may be wrong with it."""
    tables = document.get("notifiers")
    found = tables if isinstance(tables, list) else []
    return [str(table["name"]) for table in found if isinstance(table, dict) and "name" in table]
