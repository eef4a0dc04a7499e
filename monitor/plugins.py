"""Finding and loading plugins, each on its own: one that fails is recorded, the rest goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from pydantic import BaseModel

from monitor import hookspecs
from monitor.errors import PluginError, UnknownName, one_line
from monitor.interfaces import Encoder, Notifier, Part, Source, TaskAdapter

GROUP = "monitor"

_PARTS: dict[str, tuple[str, type[Part]]] = {
    "source": ("register_sources", Source),
    "task adapter": ("register_task_adapters", TaskAdapter),
    "notifier": ("register_notifiers", Notifier),
    "encoder": ("register_encoders", Encoder),
}

HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]


@dataclass
class PluginStatus:
    """What became of one plugin: what it provides, or the error that stopped it."""

    name: str
    module: str = ""
    distribution: str = ""
    disabled: bool = False
    error: str = ""
    provides: list[str] = field(default_factory=list)


@dataclass
class Plugins:
    """The loaded plugins and what they registered, by kind and name."""

    manager: pluggy.PluginManager
    statuses: list[PluginStatus]
    parts: dict[str, dict[str, type[Part]]]
    migrations: list[Any]
    owners: dict[tuple[str, str], str] = field(default_factory=dict)
    """The plugin by kind and name of what it registered, also if it failed later."""
    clashes: list[str] = field(default_factory=list)
    """Names that two plugins claim, one line each. Nothing can run until one of the two is away."""

    def pick(self, kind: str, name: str) -> type[Any]:
        """The class of ``kind`` (``source``, ``task adapter``, ``notifier``, ``encoder``) called ``name``.

        :raises UnknownName: see :meth:`unknown`.
        """
        try:
            return self.parts[kind][name]
        except KeyError:
            raise self.unknown(kind, name) from None

    def unknown(self, kind: str, name: str) -> UnknownName:
        """That there is no such part, the known ones, and whose it may be that is not there."""
        error = UnknownName(kind, name, self.parts[kind])
        failed = [status for status in self.statuses if status.error]
        disabled = [status.name for status in self.statuses if status.disabled]
        if owner := next((s for s in failed if s.name == self.owners.get((kind, name))), None):
            said = f"no {kind} is called {name!r}, for the plugin {owner.name!r} failed: {owner.error}"
        elif name in disabled:
            said = f"{error}; the plugin {name!r} is disabled"
        else:
            said = str(error)
            if len(failed) == 1:
                said += f"; or of the plugin that failed: {failed[0].name} ({failed[0].error})"
            elif failed:
                said += f"; or of one of the plugins that failed: {', '.join(s.name for s in failed)}"
            if disabled:
                said += f"; or of a plugin that is disabled: {', '.join(disabled)}"
        error.args = (said,)
        return error

    def refuse_clashes(self) -> None:
        """:raises PluginError: if two plugins claim one name; it names both."""
        if self.clashes:
            raise PluginError("; ".join(self.clashes))

    def add_commands(self, cli: Any) -> None:
        """Let plugins add commands to ``cli``; one that raises or takes a known name is recorded."""
        for plugin, impl in _implementations(self.manager, "register_commands"):
            if self._status(plugin).error:
                continue
            before = dict(cli.commands)
            try:
                impl.function(**{"cli": cli} if "cli" in impl.argnames else {})
                clash = [name for name, command in before.items() if cli.commands.get(name) is not command]
                if clash:
                    raise PluginError(f"the command {clash[0]!r} exists already")
            except (Exception, SystemExit) as error:
                cli.commands.clear()
                cli.commands.update(before)
                self._withdraw(plugin, error)
            else:
                self._status(plugin).provides += [f"command {n}" for n in cli.commands if n not in before]

    def _withdraw(self, plugin: str, error: BaseException) -> None:
        """Record that a plugin failed: it provides nothing, also of what it registered before."""
        _fail(self._status(plugin), error)
        own = {key for key, owner in self.owners.items() if owner == plugin}
        self.parts = {
            kind: {name: part for name, part in parts.items() if (kind, name) not in own}
            for kind, parts in self.parts.items()
        }
        self.migrations = [m for m in self.migrations if ("migrations", m.name) not in own]

    def _status(self, name: str) -> PluginStatus:
        return next(status for status in self.statuses if status.name == name)


def plugin_manager() -> pluggy.PluginManager:
    """A fresh manager that knows the hooks; nothing is loaded."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def load_plugins(
    *,
    disabled: Collection[str] = (),
    extra: Mapping[str, object] | None = None,
    found: Iterable[EntryPoint] | None = None,
    refuse_clashes: bool = True,
) -> Plugins:
    """Load every plugin of the entry-point group ``monitor``, sorted by name.

    :param disabled: names to leave out.
    :param extra: plugin objects by name that no entry point names (for tests).
    :param found: entry points to use instead of the installed ones.
    :param refuse_clashes: otherwise both plugins are recorded as failed, and the clash in ``clashes``.
    :raises PluginError: if two plugins provide the same name; it names both.
    """
    manager = plugin_manager()
    statuses: list[PluginStatus] = []
    clashes = []
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda p: p.name):
        status = PluginStatus(point.name, point.value, point.dist.name if point.dist else "")
        statuses.append(status)
        if any(other.name == point.name for other in statuses[:-1]):
            clashes.append(f"two plugins are called {point.name!r}: uninstall one of them")
            _fail(status, PluginError(clashes[-1]))
            continue
        if point.name in disabled:
            status.disabled = True
            continue
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:
            _fail(status, error)
        else:
            _register(manager, plugin, status)
    for name, plugin in (extra or {}).items():
        status = PluginStatus(name, type(plugin).__name__)
        statuses.append(status)
        _register(manager, plugin, status)
    plugins = Plugins(manager, statuses, {kind: {} for kind in _PARTS}, [], clashes=clashes)
    _collect(plugins)
    if refuse_clashes:
        plugins.refuse_clashes()
    return plugins


def _register(manager: pluggy.PluginManager, plugin: object, status: PluginStatus) -> None:
    try:
        manager.register(plugin, status.name)
        for caller in manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                raise UnknownName("hook", caller.name, HOOKS)
            for impl in caller.get_hookimpls():
                if impl.plugin is plugin and impl.kwargnames:  # such an argument is never passed
                    what = f"{caller.name}: the argument {impl.kwargnames[0]!r}"
                    raise PluginError(f"{what} must not have a default")
    except Exception as error:
        # pluggy before 1.7 leaves a plugin half-registered after a validation error
        if manager.has_plugin(status.name):
            manager.unregister(name=status.name)
        _fail(status, error)


def _collect(plugins: Plugins) -> None:
    """Ask all hooks, and only then see which names the plugins that did not fail claim: a failed one claims none."""
    claims: dict[tuple[str, str], list[tuple[str, type[Part]]]] = {}
    for kind, (hook, base) in _PARTS.items():
        for plugin, impl in _implementations(plugins.manager, hook):
            if plugins._status(plugin).error:
                continue
            try:
                classes = {}
                for cls in _listed(hook, impl.function()):
                    name = _checked(cls, base, kind).name
                    if name in classes:
                        raise PluginError(f"the {kind} {name!r} is registered twice")
                    classes[name] = cls
            except (Exception, SystemExit) as error:
                _fail(plugins._status(plugin), error)
                continue
            for name, cls in classes.items():
                claims.setdefault((kind, name), []).append((plugin, cls))
    migrations: dict[str, list[Any]] = {}
    for plugin, impl in _implementations(plugins.manager, "register_migrations"):
        if plugins._status(plugin).error:
            continue
        try:
            migrations[plugin] = _listed("register_migrations", impl.function())
            for one in migrations[plugin]:
                if one.name != f"monitor-{plugin}":
                    raise PluginError(f"the migration set {one.name!r} must be called 'monitor-{plugin}'")
            if len(migrations[plugin]) > 1:
                raise PluginError(f"the migration set 'monitor-{plugin}' is registered twice")
        except (Exception, SystemExit) as error:
            _fail(plugins._status(plugin), error)
    clashing: dict[str, str] = {}
    for (kind, name), claimants in claims.items():
        standing = [plugin for plugin, _ in claimants if not plugins._status(plugin).error]
        plugins.owners[kind, name] = first = standing[0] if standing else claimants[-1][0]
        for other in standing[1:]:
            said = f"two plugins provide the {kind} {name!r}: {first} and {other}; "
            said += 'disable one of them under [plugins] disabled = ["..."]'
            plugins.clashes.append(said)
            clashing |= {first: said, other: said}
    for plugin, said in clashing.items():
        _fail(plugins._status(plugin), PluginError(said))
    for (kind, name), claimants in claims.items():
        for plugin, cls in claimants:
            if not (status := plugins._status(plugin)).error:
                plugins.parts[kind][name] = cls
                status.provides.append(f"{kind} {name}")
    for plugin, sets in migrations.items():
        if not (status := plugins._status(plugin)).error:
            plugins.owners |= {("migrations", one.name): plugin for one in sets}
            plugins.migrations += sets
            status.provides += [f"migrations {one.name}" for one in sets]


def _listed(hook: str, found: Any) -> list[Any]:
    if not isinstance(found, Iterable):
        raise PluginError(f"{hook} must return a list, not {found!r}")
    return list(found)


def _checked(cls: Any, base: type[Part], kind: str) -> type[Part]:
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise PluginError(f"a {kind} must be a class derived from {base.__name__}, not {cls!r}")
    if not (isinstance(name := getattr(cls, "name", None), str) and name.strip()):
        raise PluginError(f"the {kind} {cls.__name__} has no `name`")
    if abstract := getattr(cls, "__abstractmethods__", None):
        raise PluginError(f"the {kind} {cls.name!r} does not define {', '.join(sorted(abstract))}")
    if not (isinstance(cls.Settings, type) and issubclass(cls.Settings, BaseModel)):
        raise PluginError(
            f"`Settings` of the {kind} {cls.name!r} must be a pydantic model, not {cls.Settings!r}"
        )
    return cls


def _implementations(manager: pluggy.PluginManager, hook: str) -> list[tuple[str, Any]]:
    """Implementations of a hook in order of plugin names.

    They are called one by one: a single call of the hook loses every result when one raises.
    """
    impls = getattr(manager.hook, hook).get_hookimpls()
    return sorted(((impl.plugin_name, impl) for impl in impls), key=lambda pair: pair[0])


def _fail(status: PluginStatus, error: BaseException) -> None:
    status.error = one_line(f"{type(error).__name__}: {error}", 300)
    status.provides.clear()
