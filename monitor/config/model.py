"""What a configuration says, once it is known to be right.

The tables of the file (what may be written) and the objects made of them (what the rest of
the house works with). Reading and checking is in :mod:`monitor.config.reader`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from monitor.adapters import labels_of
from monitor.calendars import parse_zone
from monitor.durations import Duration, Rate, RateSetting
from monitor.errors import Fault, MonitorError
from monitor.interfaces import Encoder, Notifier, Settings, Source, TaskAdapter
from monitor.routes import NOTIFY_AT_ONCE, LabelName, LabelValue, Name, Policy
from monitor.templating import BUILT_IN, Templates
from monitor.types import ALL, ENTITY, NO_LABEL, READ_BY, Task, label_twins, legible


class LogSettings(Settings):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["plain", "json"] = "plain"


class RetentionSettings(Settings):
    """``[retention]``."""

    features: Duration = Field(90 * 86400.0, gt=0, description="how long a text's features are kept")


class PluginSettings(Settings):
    """``[plugins]``."""

    disabled: tuple[str, ...] = ()


class TopTable(Settings):
    database: Path = Path("monitor.db")
    encoder: str | dict[str, Any] = "minilm"
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    plugins: PluginSettings = PluginSettings()
    sources: tuple[dict[str, Any], ...] = ()
    tasks: tuple[dict[str, Any], ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    notifiers: tuple[dict[str, Any], ...] = ()
    routes: tuple[dict[str, Any], ...] = ()
    inhibit: tuple[dict[str, Any], ...] = ()
    mutes: tuple[dict[str, Any], ...] = ()
    entities: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="names to find in texts, each with other spellings"
    )
    digests: tuple[dict[str, Any], ...] = ()


class SourceTable(Settings):
    plugin: str
    name: Name
    every: Duration = Field(300.0, ge=1)


class TaskTable(Settings):
    name: Name
    adapter: str = "labels"
    labels: dict[str, str] | tuple[str, ...] | None = None
    seeds: Path | None = None
    default_seeds: bool = True
    multi: bool | None = None
    threshold: float | None = Field(None, ge=0, le=1)


Zone = Annotated[str, AfterValidator(lambda name: parse_zone(name).key)]
"""The name of a time zone that this machine knows."""


class TemplateFile(Settings):
    """``{ file = "PATH" }``."""

    file: Path


TemplateText = str | TemplateFile


class NotifierTable(Settings):
    plugin: str
    name: Name
    at_most: RateSetting | None = None
    fallback: str | None = None
    fallback_after: Duration = Field(900.0, ge=0)
    title_template: TemplateText | None = None
    body_template: TemplateText | None = None
    html_template: TemplateText | None = None
    zone: Zone = "UTC"


class LifeSettings(Settings):
    """What rules of every kind can say about how their alerts begin and end."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    for_: Duration = Field(0.0, ge=0, alias="for", description="verdicts must fire for so long first")
    keep_firing_for: Duration | None = Field(
        None, ge=0, description="quiet for so long before it resolves [default: the rule's window]"
    )
    flap_count: int = Field(
        4, ge=0, description="so many alerts of a series within flap_span: flapping; 0: off"
    )
    flap_span: Duration = Field(12 * 3600.0, gt=0)


DEFAULT_LIFE = LifeSettings()


class RuleTable(LifeSettings):
    name: Name
    kind: str
    where: dict[str, str] = Field(default_factory=dict)
    notify: tuple[str, ...] | None = None
    owner: str = ""
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict)

    def life(self) -> LifeSettings:
        """What it says about how its alerts begin and end."""
        return LifeSettings(**{name: getattr(self, name) for name in LifeSettings.model_fields})


def _clock(value: object) -> object:
    """A time of day: ``"08:00"``, or TOML's own ``08:00:00``."""
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no time of day; write it like 08:00") from None


class DigestTable(Settings):
    name: Name
    every: Literal["day", "week"] = "day"
    at: Annotated[time, BeforeValidator(_clock)] = time(8)
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    zone: Zone = Field(description="IANA name of the time zone of `at`")
    notify: tuple[str, ...] | None = None
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceConfig:
    """One ``[[sources]]``: ``every`` in seconds."""

    name: str
    plugin: str
    every: float
    part: type[Source]
    settings: Any


@dataclass(frozen=True)
class TaskConfig:
    """One ``[[tasks]]``: the task, its adapter, and where its seeds come from."""

    task: Task
    adapter: str
    part: type[TaskAdapter]
    settings: Any
    raw_settings: Mapping[str, Any]
    seeds: Path | None
    default_seeds: bool


@dataclass(frozen=True)
class NotifierConfig:
    """One ``[[notifiers]]``: ``fallback`` names another, ``fallback_after`` is in seconds."""

    name: str
    plugin: str
    part: type[Notifier]
    settings: Any
    templates: Templates = BUILT_IN
    at_most: Rate | None = None
    fallback: str | None = None
    fallback_after: float = 900.0


@dataclass(frozen=True)
class RuleConfig:
    """One ``[[rules]]``; ``notify`` names notifiers. ``routed``: it leaves them to the routes."""

    name: str
    kind: str
    where: Mapping[str, str]
    notify: tuple[str, ...]
    settings: Any
    owner: str = ""
    routed: bool = False
    life: LifeSettings = DEFAULT_LIFE
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def keep_firing_for(self) -> float:
        """Seconds of quiet after which its alerts resolve: its kind's, or its window, unless it says otherwise."""
        return float(self.settings.calm if self.life.keep_firing_for is None else self.life.keep_firing_for)


@dataclass(frozen=True)
class DigestConfig:
    """One ``[[digests]]``; ``notify`` names notifiers."""

    name: str
    every: str
    at: time
    weekday: str
    zone: str
    notify: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """A whole, valid configuration. ``base`` is the folder that relative paths start at.

    ``entities``: other spellings by name. ``left_out``: what cannot run because a plugin
    failed, which is no fault of the file's.
    """

    path: Path
    base: Path
    database: Path
    encoder: str
    encoder_part: type[Encoder]
    encoder_settings: Any
    log: LogSettings
    retention: RetentionSettings
    sources: tuple[SourceConfig, ...]
    tasks: tuple[TaskConfig, ...]
    rules: tuple[RuleConfig, ...]
    notifiers: tuple[NotifierConfig, ...]
    digests: tuple[DigestConfig, ...] = ()
    left_out: tuple[Fault, ...] = ()
    policy: Policy = NOTIFY_AT_ONCE
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


REMEDIES = ('give some: labels = ["good", "bad"]', "add another, or say multi = true")
"""What to do, in a configuration, about a task without labels, and about one label only."""


def make_task(
    name: str,
    adapter: TaskAdapter,
    *,
    labels: Mapping[str, str] | Collection[str] | None = None,
    multi: bool | None = None,
    threshold: float | None = None,
    remedies: tuple[str, str] = REMEDIES,
) -> Task:
    """A task from an adapter's defaults and what the owner says instead.

    A label given without a description gets the adapter's, where it has one.

    :param remedies: what to do where :data:`REMEDIES` does not suit.
    :raises MonitorError: if the labels cannot make a task; TypeError, if the adapter's are no texts.
    """
    if name == ENTITY:
        raise MonitorError(f"a task cannot be called {ENTITY!r}: that stands for what a text mentions")
    if name == READ_BY:
        raise MonitorError(f"a task cannot be called {READ_BY!r}: that stands for all texts that a task read")
    defaults = labels_of(adapter)
    if labels is None:
        chosen = dict(defaults)
    elif isinstance(labels, Mapping):
        chosen = {label: text or defaults.get(label, "") for label, text in labels.items()}
    else:
        chosen = {label: defaults.get(label, "") for label in labels}
    several = adapter.multi if multi is None else multi
    if not chosen:
        raise MonitorError(f"the task {name!r} has no labels; {remedies[0]}")
    if len(chosen) == 1 and not several:
        raise MonitorError(f"the task {name!r} has one label only; {remedies[1]}")
    if bad := [label for label in chosen if not legible(label) or label in (ALL, NO_LABEL)]:
        raise MonitorError(f"{bad[0]!r} cannot be a label of the task {name!r}")
    if twins := label_twins(chosen):
        raise MonitorError(
            f"labels {twins[0]!r} and {twins[1]!r} of the task {name!r} differ only in case or spaces: make them one"
        )
    if threshold is not None and not 0 <= threshold <= 1:  # nan lies in every range
        raise MonitorError(f"the threshold of the task {name!r} must be a probability from 0 to 1")
    return Task(name, chosen, adapter.family, several, threshold)
