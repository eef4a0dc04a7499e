"""``monitor sources``: where texts come from, and how each source fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.checked import check, notes, print_checked
from monitor.cli.group import Group
from monitor.cli.output import ago, clock, number, print_table, shorten
from monitor.config.model import SourceConfig
from monitor.durations import format_duration
from monitor.errors import ConfigError, MonitorError, SourceError, UnknownName
from monitor.pipeline.alerting.lateness import punctuality
from monitor.store.documents import MAX_EDITS
from monitor.store.source_state import SourceState


@click.group("sources", cls=Group)
def sources_command() -> None:
    """Show, check and fetch sources."""


@sources_command.command("list")
@json_option
@pass_app
def list_command(app: App, as_json: bool) -> None:
    """List the sources and their state.

    The state is `ok`, `new` (not fetched yet), `failing`, `removed` (no longer in the
    configuration; its documents stay) or `import` (history from a file).

    With --json: one array of objects with name, plugin, state, every (seconds), documents,
    bad, failures (in a row), last_error, first_success_at, last_attempt_at, last_success_at
    and next_at.
    """
    store, now = app.store, app.now()
    counts = store.documents.per_source()
    states = store.sources.all()
    if as_json:
        print_json([_record(state, counts) for state in states])
        return
    print_table(
        ["name", "plugin", "state", "documents", "bad", "last success", "next", "failures", "last error"],
        [
            [
                state.name,
                state.plugin,
                _state(state),
                f"{counts.get(state.name, 0):,}",
                state.bad_total,
                ago(state.last_success_at, now),
                ago(state.next_at, now) if state.active and state.next_at else "",
                state.failures or "",
                shorten(state.last_error or "", 60),
            ]
            for state in states
        ],
        empty="no sources yet; `monitor run` takes up those of the configuration, under [[sources]]",
        right=["documents", "bad", "failures"],
    )


@sources_command.command("show")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="At most so many bad records."
)
@json_option
@pass_app
def show_command(app: App, name: str, limit: int, as_json: bool) -> None:
    """Show one source, and the newest records that it could not use, each with its reason.

    Also says how many of its newest 50 documents (since the first fetch) came live (the others raise no
    alerts), and how long after publication.

    With --json: the object of `sources list`, with cursor and bad_records (at, place, reason,
    raw), newest first, newest (of at most 50: documents, live and late, all numbers, and lag, the median
    in seconds), unread_edits (texts that changed too often for further changes to be read) and notes
    (what is worth a look in what was read).
    """
    store, now = app.store, app.now()
    state = store.sources.get(name)
    if state is None:
        raise UnknownName("source", name, [s.name for s in store.sources.all()])
    counts, bad = store.documents.per_source(), store.sources.bad(name, limit)
    came, worn = punctuality(store, state), store.documents.worn(name)
    said = [note for note in (*_notes(app, state), came.remark(state.every)) if note]
    if as_json:
        print_json(
            {
                **_record(state, counts),
                "cursor": state.cursor,
                "bad_records": [asdict(record) for record in bad],
                "newest": {"documents": came.newest, "live": came.live, "late": came.late, "lag": came.lag},
                "unread_edits": worn,
                "notes": said,
            }
        )
        return
    lag = "" if came.lag is None else f", usually {format_duration(came.lag)} after they were published"
    lines = {
        "name": state.name,
        "plugin": state.plugin,
        "state": _state(state),
        "every": format_duration(state.every) if state.active else "",
        "documents": f"{counts.get(name, 0):,}",
        "came live": f"{came.live} of the newest {came.newest}{lag}" if came.newest else "",
        "unread edits": f"of {number(worn, 'text')} that changed more than {MAX_EDITS} times" if worn else "",
        "last success": _moment(state.last_success_at, now),
        "last attempt": _moment(state.last_attempt_at, now),
        "next": _moment(state.next_at, now) if state.active and state.next_at else "",
        "again": "asked for, not done yet" if state.again else "",
        "failures": f"{state.failures} in a row" if state.failures else "",
        "last error": state.last_error or "",
        "bad records": f"{state.bad_total:,}" + (f", the newest {len(bad)}:" if bad else ""),
    }
    for key, value in lines.items():
        if value:
            click.echo(f"{key + ':':14}{value}")
    for record in bad:
        click.echo(f"  {clock(record.at)}  {record.place + ': ' if record.place else ''}{record.reason}")
        if record.raw:
            click.echo(f"    {shorten(record.raw, 110)}")
    for note in said:
        click.echo(f"note: {note}")


@sources_command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@click.pass_context
@pass_app
def check_command(app: App, ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Read sources from their beginning, without storing anything.

    Says how many documents and bad records each holds, shows the first few of them, and says
    whether two documents share an ID.
    Without a NAME all configured sources are read. The exit code is 1 if one cannot be read.

    With --json: one array of objects with name, plugin, where, documents, bad, titles,
    reasons, notes (what is worth a look in what was read) and error.
    """
    config = app.config
    found = [check(source, config.base, app.now()) for source in _chosen(config.sources, names)]
    if as_json:
        print_json([asdict(checked) for checked in found])
    elif not found:
        click.echo("no sources; they are written in the configuration, under [[sources]]")
    else:
        for checked in found:
            print_checked(checked)
    ctx.exit(1 if any(checked.error for checked in found) else 0)


@sources_command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--again", is_flag=True,
    help="Then reread all of it from the beginning, and update known texts to today's settings.",
)  # fmt: skip
@pass_app
def fetch_command(app: App, names: tuple[str, ...], again: bool) -> None:
    """Fetch sources now, without waiting until they are due.

    A running monitor is asked to do it, and does so within a second. Otherwise they are
    fetched here, and the next `monitor run` classifies what is new. The exit code is 1 if a
    source cannot be read.

    Use --again after correcting columns, roles, time_format or the like of a chat log (a running monitor
    takes them up at SIGHUP): known texts get the text, title, role, conversation and time that the new
    settings give, and are classified again; texts that could not be read before become history. None of
    this raises an alert. Known texts that are not found again are counted, and stay as they are.
    """
    process = app.daemon()
    if again:
        _see_that_they_can_be_read_again(app, names)
    if process is None:
        _fetch(app, names, again)
        return
    store = app.store
    known = [state.name for state in store.sources.all() if state.active]
    for name in names:
        if name not in known:
            raise UnknownName("source", name, known)
    with store.transaction():
        for name in names:
            (store.sources.ask_again if again else store.sources.due_now)(name, app.now())
    what = "fetch all there is again of" if again else "fetch"
    click.echo(f"the running monitor (process {process}) was asked to {what} {', '.join(names)}")


def _see_that_they_can_be_read_again(app: App, names: Sequence[str]) -> None:
    for source in _chosen(app.config.sources, names):
        if not source.part.rereads:
            raise MonitorError(
                f"{source.name} is not read again from its beginning: no setting of {source.plugin} changes what "
                f"its texts say; `monitor sources fetch {source.name}` reads what is new"
            )


def _fetch(app: App, names: Sequence[str], again: bool) -> None:
    from monitor.runtime import Runtime
    from monitor.shared_encoder import make_encoder
    from monitor.store.lock import DaemonLock

    config = app.config
    _chosen(config.sources, names)
    failed = []
    with DaemonLock(config.database):
        runtime = Runtime(config, app.plugins, app.synchronised_store, make_encoder(config))
        try:
            for name in names:
                try:
                    if again:
                        runtime.store.sources.ask_again(name, app.now())
                    got = runtime.fetch(name, app.now(), clock=app.now)
                except SourceError as error:
                    failed.append(f"{name}: {error}")
                    continue
                click.echo(f"{name}: {got}" + (f" (see `monitor sources show {name}`)" if got.bad else ""))
                if remark := got.remark():
                    click.echo(f"note: {remark}")
        finally:
            runtime.close()
    if failed:
        raise MonitorError("; ".join(failed))


def _chosen(sources: Sequence[SourceConfig], names: Sequence[str]) -> list[SourceConfig]:
    known = {source.name: source for source in sources}
    for name in names:
        if name not in known:
            raise UnknownName("source", name, known)
    return [known[name] for name in dict.fromkeys(names)] if names else list(sources)


def _notes(app: App, state: SourceState) -> list[str]:
    """What the source has to say of what it read, as far as the configuration lets it be asked."""
    try:
        config = app.shown_config
    except ConfigError:
        return ["it could not be asked for more: see `monitor config check`"]
    known = [s for s in config.sources if (s.name, s.plugin) == (state.name, state.plugin)]
    return notes(known[0], config.base, state.cursor) if known else []


def _record(state: SourceState, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": state.name,
        "plugin": state.plugin,
        "state": _state(state),
        "every": state.every,
        "documents": counts.get(state.name, 0),
        "bad": state.bad_total,
        "failures": state.failures,
        "last_error": state.last_error,
        "first_success_at": state.first_success_at,
        "last_attempt_at": state.last_attempt_at,
        "last_success_at": state.last_success_at,
        "next_at": state.next_at,
    }


def _state(state: SourceState) -> str:
    if not state.active:
        return "removed" if state.every else "import"
    if state.failures:
        return "failing"
    return "ok" if state.last_success_at else "new"


def _moment(time: datetime | None, now: datetime) -> str:
    return "never" if time is None else f"{clock(time)} ({ago(time, now)})"
