"""Reading a configuration file: all of its faults in one go, each with its place."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from monitor.config.document import read_document
from monitor.config.fallbacks import fallback_faults
from monitor.config.faults import with_names
from monitor.config.messages import read_digest, read_templates
from monitor.config.model import (
    REMEDIES,
    Config,
    DigestConfig,
    DigestTable,
    NotifierConfig,
    NotifierTable,
    RuleConfig,
    RuleTable,
    SourceConfig,
    SourceTable,
    TaskConfig,
    TaskTable,
    TopTable,
    make_task,
)
from monitor.config.routing import label_faults, read_policy, rule_labels
from monitor.config.tables import Tables
from monitor.errors import ConfigError, Fault, MonitorError, UnknownName
from monitor.interfaces import Encoder, Notifier
from monitor.mentions import clashes
from monitor.plugins import Plugins
from monitor.seedfile import read_seeds
from monitor.standins import FailingNotifier, FailingSource
from monitor.templating import BUILT_IN
from monitor.types import ALL, ENTITY

log = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

KnownTasks = Callable[[Path], Mapping[str, Collection[str]]]
"""Labels by name of the tasks that commands added to a database, given its path."""


def load_config(
    path: Path,
    plugins: Plugins,
    rule_kinds: Mapping[str, type[BaseModel]],
    known_tasks: KnownTasks | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    check_files: bool = False,
) -> Config:
    """Read and check a configuration file.

    :param rule_kinds: settings model by kind of rule.
    :param known_tasks: tasks that rules may name beside the file's own.
    :param environ: where ``{ env = "NAME" }`` is looked up.
    :param check_files: a record of a seeds file that cannot be used, or has a label that the
        task does not have, is a fault as well, and so is an encoder whose files cannot be used.
    :raises ConfigError: with every fault of the file.
    """
    document = read_document(path)
    return Reader(path, plugins, rule_kinds, known_tasks, environ, check_files).read(document)


def terms_of(core: NotifierTable) -> tuple[Any, str | None, float]:
    """The last fields of a :class:`~monitor.config.model.NotifierConfig`: limit, stand-in, its patience in seconds."""
    return core.at_most, core.fallback, core.fallback_after


class Reader(Tables):
    """Collects faults while it goes through a document."""

    def __init__(
        self,
        path: Path,
        plugins: Plugins,
        rule_kinds: Mapping[str, type[BaseModel]],
        known_tasks: KnownTasks | None,
        environ: Mapping[str, str],
        check_files: bool,
    ) -> None:
        super().__init__(path, plugins, environ)
        self.rule_kinds, self.known_tasks, self.check_files = rule_kinds, known_tasks, check_files
        self.untold: set[str] = set()

    def read(self, document: dict[str, Any]) -> Config:
        document = self.secrets(document, "")
        before = len(self.faults)
        top = self.model(TopTable, document, "")
        if top is None:  # faults at the top hide nothing below: check the rest with what is well-formed
            known = set(TopTable.model_fields)
            bad = {fault.place.split(".")[0].split("[")[0] for fault in self.faults[before:]}
            top = TopTable.model_validate({k: v for k, v in document.items() if k in known - bad})
        plugins = [status.name for status in self.plugins.statuses]
        for number, name in enumerate(top.plugins.disabled, 1):
            if name not in plugins:
                self.fault(f"plugins.disabled[{number}]", str(UnknownName("plugin", name, plugins)))
        for clash in self.plugins.clashes:
            self.fault("plugins", clash)
        encoder, encoder_part, encoder_settings = self.encoder(top.encoder)
        sources = self.each(top.sources, "sources", self.source)
        tasks = self.each(top.tasks, "tasks", self.task)
        notifiers = self.each(top.notifiers, "notifiers", self.notifier)
        for kind in ("sources", "tasks", "rules", "notifiers", "digests"):
            self.unique(kind, getattr(top, kind))
        database = self.base / top.database
        if os.path.isdir(database):
            self.fault("database", f"{database} is a folder; name a file in it")
        labels: dict[str, Collection[str]] = {}
        if self.known_tasks is not None:
            labels |= self.known_tasks(database)
        labels |= {t.task.name: t.task.labels for t in tasks}
        if top.entities:
            labels[ENTITY] = top.entities
        for name, message in clashes(top.entities):
            self.fault(f"entities.{name}", message)
        # a task with faults of its own still has a name: do not blame the rules for it as well
        unchecked = {str(t.get("name")) for t in top.tasks} - labels.keys()
        self.untold = {n.name for n in notifiers if not n.part.receives_alerts}
        self.faults += fallback_faults(top.notifiers, self.untold)
        names = [name for n in top.notifiers if (name := str(n.get("name"))) not in self.untold]
        around = {"tasks": {*labels, *unchecked}, "sources": {str(s.get("name")) for s in top.sources}}
        rules = self.each(top.rules, "rules", lambda p, t: self.rule(p, t, labels, unchecked, names, around))
        for kind, items in (("routes", top.routes), ("mutes", top.mutes)):
            self.unique(kind, items)
        tables = {"routes": top.routes, "inhibit": top.inhibit, "mutes": top.mutes}
        values = {**labels, "rule": [str(r.get("name")) for r in top.rules], "kind": self.rule_kinds}
        of_rules = rule_labels(top.rules)
        policy, found = read_policy(
            tables, names, {*labels, *unchecked}, of_rules, values, hidden=self.hidden
        )
        self.faults += found
        digests = self.each(
            top.digests, "digests", lambda p, t: self.digest(p, t, {*labels, *unchecked}, names)
        )
        if self.faults:
            raise ConfigError(self.path, with_names(self.told(), document))
        assert encoder_part is not None
        return Config(
            path=self.path,
            base=self.base,
            database=database,
            encoder=encoder,
            encoder_part=encoder_part,
            encoder_settings=encoder_settings,
            log=top.log,
            retention=top.retention,
            sources=tuple(sources),
            tasks=tuple(tasks),
            rules=tuple(rules),
            notifiers=tuple(notifiers),
            digests=tuple(digests),
            left_out=tuple(self.left_out),
            policy=policy,
            entities=top.entities,
        )

    def encoder(self, value: str | dict[str, Any]) -> tuple[str, type[Encoder] | None, Any]:
        """``encoder = "NAME"``, a folder or model id, or a table with ``plugin`` and settings."""
        table = dict(value) if isinstance(value, dict) else {"plugin": value}
        name = str(table.pop("plugin", "minilm"))
        if name not in self.plugins.parts["encoder"] and (
            "/" in name or name.startswith(".") or os.path.isdir(self.base / name)
        ):
            table = {"model": name, **table}
            name = "transformers"
        part = self.part("encoder", name, "encoder")
        settings = self.settings(part, table, "encoder")
        if self.check_files and settings is not None and part and part.check is not Encoder.check:
            self.check(lambda: part(settings, self.base), "encoder")
        return name, part, settings

    def source(self, place: str, table: dict[str, Any]) -> SourceConfig | None:
        core, rest = self.split(SourceTable, table, place)
        if core is not None and (reason := self.unloaded("source", core.plugin, f"{place}.plugin")):
            return SourceConfig(core.name, core.plugin, core.every, FailingSource, reason)
        part = self.part("source", str(table.get("plugin")), f"{place}.plugin") if "plugin" in table else None
        settings = self.settings(part, rest, place, SourceTable)
        if core is None or part is None or settings is None:
            return None
        return SourceConfig(core.name, core.plugin, core.every, part, settings)

    def notifier(self, place: str, table: dict[str, Any]) -> NotifierConfig | None:
        core, rest = self.split(NotifierTable, table, place)
        if core is not None and (reason := self.unloaded("notifier", core.plugin, f"{place}.plugin")):
            templates = read_templates(place, core, self.base, self.faults)
            return NotifierConfig(core.name, core.plugin, FailingNotifier, reason, templates, *terms_of(core))
        part = (
            self.part("notifier", str(table.get("plugin")), f"{place}.plugin") if "plugin" in table else None
        )
        settings = self.settings(part, rest, place, NotifierTable)
        templates = BUILT_IN if core is None else read_templates(place, core, self.base, self.faults)
        if core is None or part is None or settings is None:
            return None
        if self.check_files and part.check is not Notifier.check:
            self.check(lambda: part(settings, self.base), place)
        return NotifierConfig(core.name, core.plugin, part, settings, templates, *terms_of(core))

    def task(self, place: str, table: dict[str, Any]) -> TaskConfig | None:
        core, rest = self.split(TaskTable, table, place)
        if core is not None and self.unloaded("task adapter", core.adapter, f"{place}.adapter"):
            return None
        part = self.part("task adapter", str(table.get("adapter", "labels")), f"{place}.adapter")
        settings = self.settings(part, rest, place, TaskTable)
        if core is None or part is None or settings is None:
            return None
        given = list(core.labels or ())
        if twice := next((label for n, label in enumerate(given) if label in given[:n]), None):
            self.fault(f"{place}.labels", f"the label {twice!r} is given twice; once is enough")
        brings = core.adapter == "labels" != core.name and core.name in self.plugins.parts["task adapter"]
        try:
            task = make_task(
                core.name,
                part(settings, self.base),
                labels=core.labels,
                multi=core.multi,
                threshold=core.threshold,
                remedies=(f'adapter = "{core.name}" brings some', REMEDIES[1]) if brings else REMEDIES,
            )
        except MonitorError as error:
            self.fault(f"{place}.labels", str(error))
            return None
        except (Exception, SystemExit) as error:
            log.exception("the task adapter %s raised", core.adapter)
            self.left_out.append(Fault(f"{place}.adapter", self.raised(error, place)))
            return None
        seeds = self.base / core.seeds if core.seeds else None
        if seeds is not None and self.is_file(f"{place}.seeds", seeds) and self.check_files:
            self.seeds(f"{place}.seeds", seeds, task.labels)
        return TaskConfig(task, core.adapter, part, settings, rest, seeds, core.default_seeds)

    def rule(
        self,
        place: str,
        table: dict[str, Any],
        labels: Mapping[str, Collection[str]],
        unchecked: Collection[str],
        notifiers: Collection[str],
        around: Mapping[str, Collection[str]],
    ) -> RuleConfig | None:
        core, rest = self.split(RuleTable, table, place)
        if core is None:
            return None
        for task, label in core.where.items():
            if task in unchecked:
                continue
            if task == ENTITY and task not in labels:
                self.fault(
                    f"{place}.where.{task}", "there are no entities yet; list their names under [entities]"
                )
            elif task not in labels:
                self.fault(f"{place}.where", str(UnknownName("task", task, labels)))
            elif label != ALL and label not in labels[task]:
                self.fault(f"{place}.where.{task}", str(UnknownName("label", label, [*labels[task], ALL])))
        if len(core.where) > 2:
            self.fault(f"{place}.where", "names more than two tasks; counts are kept for one task or a pair")
        for name in core.notify or ():
            if name in self.untold:
                self.fault(f"{place}.notify", f"{name!r} does not receive alerts")
            elif name not in notifiers:
                self.fault(f"{place}.notify", str(UnknownName("notifier", name, notifiers)))
        if core.kind not in self.rule_kinds:
            self.fault(f"{place}.kind", str(UnknownName("rule kind", core.kind, self.rule_kinds)))
            return None
        settings = self.model(self.rule_kinds[core.kind], rest, place, RuleTable)
        if settings is None:
            return None
        check = getattr(settings, "faults", None)  # what a kind has to say on its settings and `where`
        for setting, message in check(core.where, around) if check else ():
            self.fault(f"{place}.{setting}", message)
        notify = tuple(notifiers) if core.notify is None else core.notify
        routed, life = core.notify is None, core.life()
        self.faults += label_faults(place, core.labels, around["tasks"])
        return RuleConfig(
            core.name, core.kind, dict(core.where), notify, settings, core.owner, routed, life, core.labels
        )

    def digest(
        self, place: str, table: dict[str, Any], tasks: Collection[str], notifiers: Collection[str]
    ) -> DigestConfig | None:
        core = self.model(DigestTable, table, place)
        return None if core is None else read_digest(place, core, tasks, notifiers, self.faults)

    def seeds(self, place: str, file: Path, labels: Collection[str]) -> None:
        try:
            for record in read_seeds(file, labels)[1]:
                self.fault(place, f"{file}, {record.place}: {record.reason}")
        except MonitorError as error:
            self.fault(place, str(error))
