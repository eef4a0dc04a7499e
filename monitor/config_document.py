"""The TOML document of a configuration file, before anything in it is checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError, Fault


def read_document(path: Path) -> dict[str, Any]:
    """The TOML document as it stands, secrets not yet looked up.

    :raises ConfigError: if it cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        advice = "name another with --config FILE or in MONITOR_CONFIG"
        raise ConfigError(path, [Fault("", "there is no such file", advice=advice)]) from None
    except OSError as error:
        raise ConfigError(path, [Fault("", f"cannot be read: {error.strerror}")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, [Fault("", f"is not TOML: {error}")]) from None


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
