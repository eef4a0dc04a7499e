"""Tables of a configuration, read one by one: what is wrong with each is collected, not raised."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.config.faults import faults, without_secrets
from monitor.errors import Fault, MonitorError, UnknownName, one_line, plain
from monitor.interfaces import Encoder, Notifier, Part
from monitor.plugins import Plugins

log = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Tables:
    """Reads tables against models and plugins; ``faults`` has what is wrong, with its place.

    ``left_out``: what cannot run because a plugin failed. ``hidden``: by place, what comes from
    the environment, and is told to nobody; ``absent``: where it should have come from, but did not.
    Relative paths start at ``base``.
    """

    def __init__(self, path: Path, plugins: Plugins, environ: Mapping[str, str]) -> None:
        self.path, self.base = path, path.resolve().parent
        self.plugins, self.environ = plugins, environ
        self.faults: list[Fault] = []
        self.left_out: list[Fault] = []
        self.hidden: dict[str, str] = {}
        self.absent: set[str] = set()

    def fault(self, place: str, message: str) -> None:
        """Note what is wrong."""
        self.faults.append(Fault(place, message))

    def told(self) -> list[Fault]:
        """The faults; that something is absent is all that is wrong with it."""
        return [
            fault
            for number, fault in enumerate(self.faults)
            if fault.place not in self.absent or all(one.place != fault.place for one in self.faults[:number])
        ]

    def secrets(self, value: Any, place: str) -> Any:
        """``{ env = "NAME" }`` replaced by what it names."""
        if isinstance(value, list):
            return [self.secrets(item, f"{place}[{n}]") for n, item in enumerate(value, 1)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and isinstance(name := value.get("env"), str):
            if name not in self.environ:
                self.fault(place, f"the environment variable {name} is not set")
                self.absent.add(place)
                return ""
            self.hidden[place] = self.environ[name]
            return self.environ[name]
        return {key: self.secrets(item, f"{place}.{key}" if place else key) for key, item in value.items()}

    def each(
        self, tables: tuple[dict[str, Any], ...], kind: str, read: Callable[[str, dict[str, Any]], T | None]
    ) -> list[T]:
        """Every table of a kind, read; those with faults are left out."""
        found = (read(f"{kind}[{n}]", table) for n, table in enumerate(tables, 1))
        return [item for item in found if item is not None]

    def unique(self, kind: str, tables: tuple[dict[str, Any], ...]) -> None:
        """Two tables of a kind must not have one name."""
        seen: dict[str, int] = {}
        for n, table in enumerate(tables, 1):
            name = str(table.get("name"))
            if name in seen and "name" in table:
                self.fault(f"{kind}[{n}].name", f"{name!r} is also the name of {kind}[{seen[name]}]")
            seen.setdefault(name, n)

    def unloaded(self, kind: str, name: str, place: str) -> str:
        """Why a part may be missing for which its owner is not to blame: a plugin failed.

        Then the rest runs without it. Empty where the part is there, every plugin loaded, or the
        owner disabled it.
        """
        statuses = self.plugins.statuses
        disabled = any(status.disabled and status.name == name for status in statuses)
        if name in self.plugins.parts[kind] or disabled or not any(status.error for status in statuses):
            return ""
        reason = str(self.plugins.unknown(kind, name))
        self.left_out.append(Fault(place, reason))
        return reason

    def part(self, kind: str, name: str, place: str) -> Any:
        """What a plugin offers under a name."""
        try:
            return self.plugins.pick(kind, name)
        except UnknownName as error:
            self.fault(place, str(error))
            return None

    def settings(
        self,
        part: type[Part] | None,
        table: dict[str, Any],
        place: str,
        core: type[BaseModel] | None = None,
    ) -> Any:
        """A plugin's own table, without the settings of ``core``."""
        if part is None:
            return None
        try:
            return self.model(part.Settings, table, place, core)
        except (Exception, SystemExit) as error:  # a validator of the plugin's
            self.fault(place, self.raised(error, place))
            return None

    def check(self, make: Callable[[], Encoder | Notifier], place: str) -> None:
        """Ask a part whether it can be used, as far as files say."""
        try:
            part = make()
            try:
                part.check()
            finally:
                part.close()
        except MonitorError as error:
            self.fault(place, str(error))
        except (Exception, SystemExit) as error:
            log.exception("the part at %s raised", place)
            self.fault(place, self.raised(error, place))

    def is_file(self, place: str, file: Path) -> bool:
        """Whether a file is there; that it is not, or in a folder that nobody may look into, is a fault."""
        try:
            found = file.is_file()
        except OSError as error:
            self.fault(place, f"{file} cannot be read: {plain(error)}")
            return False
        if not found:
            self.fault(place, f"there is no file {file}")
        return found

    def raised(self, error: BaseException, place: str) -> str:
        """What a plugin raised, in one line without the secrets that it may quote."""
        text = f"the plugin raised {type(error).__name__}: {error}"  # whole, for half a secret is not found
        return one_line(without_secrets(text, self.hidden, place))

    def split(self, model: type[M], table: dict[str, Any], place: str) -> tuple[M | None, dict[str, Any]]:
        """The core's keys of a table, validated, and the rest, which belongs to the plugin."""
        names = {field.alias or name for name, field in model.model_fields.items()}
        own = {key: value for key, value in table.items() if key in names}
        rest = {key: value for key, value in table.items() if key not in names}
        return self.model(model, own, place), rest

    def model(
        self, model: type[M], table: dict[str, Any], place: str, core: type[BaseModel] | None = None
    ) -> M | None:
        """A table as a model, ``None`` where it has faults; ``core`` has the settings that were split off."""
        try:
            return model.model_validate(table)
        except ValidationError as error:
            self.faults += faults(error, model, table, place, self.hidden, core)
            return None
