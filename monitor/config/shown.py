"""Reading a configuration to show it, in a shell that lacks the secrets of the running monitor."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.config.document import read_document
from monitor.config.messages import read_templates
from monitor.config.model import Config, NotifierConfig, NotifierTable, SourceConfig, SourceTable
from monitor.config.reader import KnownTasks, Reader, terms_of
from monitor.plugins import Plugins
from monitor.standins import FailingNotifier, FailingSource

_PART = re.compile(r"(?:sources|notifiers)\[\d+\]")


def load_to_show(
    path: Path,
    plugins: Plugins,
    rule_kinds: Mapping[str, type[BaseModel]],
    known_tasks: KnownTasks | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Read and check a configuration file, for a command that fetches nothing and sends nothing.

    A source or notifier with an ``{ env = "NAME" }`` that is not set has a stand-in that says so.

    :param rule_kinds: settings model by kind of rule.
    :param known_tasks: tasks that rules may name beside the file's own.
    :raises ConfigError: with every other fault of the file.
    """
    return _Lenient(path, plugins, rule_kinds, known_tasks, environ, False).read(read_document(path))


class _Lenient(Reader):
    """Faults of the environment become stand-ins; ``unset`` has their reasons by the part's place."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.unset: dict[str, str] = {}

    def secrets(self, value: Any, place: str) -> Any:
        before = len(self.faults)
        found = super().secrets(value, place)
        if _PART.fullmatch(place) and (missing := self.faults[before:]):
            self.unset[place] = "; ".join(dict.fromkeys(fault.message for fault in missing))
            del self.faults[before:]
        return found

    def source(self, place: str, table: dict[str, Any]) -> SourceConfig | None:
        if place not in self.unset:
            return super().source(place, table)
        core, _ = self.split(SourceTable, table, place)
        if core is None:
            return None
        return SourceConfig(core.name, core.plugin, core.every, FailingSource, self.unset[place])

    def notifier(self, place: str, table: dict[str, Any]) -> NotifierConfig | None:
        if place not in self.unset:
            return super().notifier(place, table)
        core, _ = self.split(NotifierTable, table, place)
        if core is None:
            return None
        templates = read_templates(place, core, self.base, self.faults)
        part = self.plugins.parts["notifier"].get(core.plugin)
        stand_in = FailingNotifier if getattr(part, "receives_alerts", True) else _Untold
        return NotifierConfig(core.name, core.plugin, stand_in, self.unset[place], templates, *terms_of(core))


class _Untold(FailingNotifier):
    """Stands in for one that no alert comes to, like a heartbeat."""

    receives_alerts = False
