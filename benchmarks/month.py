"""Alerts of a simulated month: how many of the planted events are found, how soon, and how many alerts are false.

    PYTHONPATH=. python benchmarks/month.py --seeds 20 --date 2026-01-31

The world of each seed (:mod:`month_world`) goes through the real thing: sources, encoder, heads
learned from the built-in seeds alone, database, rules (``month.toml``), with a clock that is moved
by ten minutes at a time. Each step fetches the sources that are due, classifies and ticks. Features
are remembered by text from seed to seed; they are the same numbers.

An alert *belongs* to an event if at least a third of the documents behind it, when it fires, were
planted by that event; an alert of kind silence, if it is on the event's source while the source is
out or within the grace after it. An event that must raise an alert is *found* if one that belongs
to it fires between its start and its end plus a grace of an hour. Every alert is false that does not
belong to an event that must raise one, or fires after the grace; several alerts of one event, on
several series, are one finding and none is false.

Seeds that the result file holds already are not run again: an interrupted run goes on.
"""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any, ClassVar

import click
import numpy as np
from month_texts import Texts, short
from month_world import Event, World, make_world

from monitor import hookimpl, interfaces
from monitor.alerts.detectors import KINDS
from monitor.config.reader import load_config
from monitor.errors import SourceError
from monitor.plugins import Plugins, load_plugins
from monitor.runtime import Runtime
from monitor.shared_encoder import make_encoder
from monitor.store import Store
from monitor.store.stored_alert import StoredAlert
from monitor.types import Batch

HERE = Path(__file__).parent
RESULTS = HERE / "results"
CONFIG = HERE / "month.toml"
START = datetime(2026, 9, 7, tzinfo=UTC)
STEP = timedelta(minutes=10)
GRACE = timedelta(hours=1)
BELONGS = 1 / 3
RECALL, FALSE_ALERTS = 0.95, 2.0
"""What the project asks of this month: at least, and at most."""


class Posts(interfaces.Source):
    """Gives the posts of its name that are out by now; while it is out, none."""

    name: ClassVar[str] = "posts"

    def tell(self, world: World, name: str) -> None:
        """Set what there is to read."""
        self.posts = [post for post in world.posts if post.source == name]
        self.outages = [event for event in world.events if event.source == name]

    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        """Everything since the last fetch, in one batch."""
        out = next((event for event in self.outages if event.start <= now < event.end), None)
        if out is not None and out.fails:
            raise SourceError("the feed answers 503")
        first = last = int(cursor.get("read", 0))
        while out is None and last < len(self.posts) and self.posts[last].at <= now:
            last += 1
        if last > first:
            yield Batch(tuple(post.document for post in self.posts[first:last]), cursor={"read": last})


class PostsPlugin:
    """Registers the source."""

    @hookimpl
    def register_sources(self) -> list[type[interfaces.Source]]:
        return [Posts]


class Remembering(interfaces.Encoder):
    """An encoder that reads each text once, whatever database asks for it."""

    name: ClassVar[str] = "remembering"

    def __init__(self, encoder: interfaces.Encoder) -> None:
        super().__init__(encoder.settings, encoder.base)
        self.encoder = encoder
        self.known: dict[tuple[str, str], np.ndarray] = {}

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    @property
    def views(self) -> tuple[str, ...]:
        return self.encoder.views

    def prior(self, labels: Sequence[str]) -> Mapping[str, float]:
        return self.encoder.prior(labels)

    def encode(
        self, texts: Sequence[str], views: Sequence[str] = ("base",), *, progress: Any = None
    ) -> dict[str, np.ndarray]:
        """The features of each text by view, as the encoder gives them."""
        new = [t for t in dict.fromkeys(texts) if any((view, t) not in self.known for view in views)]
        if new:
            for view, rows in self.encoder.encode(new, views, progress=progress).items():
                self.known |= {(view, text): row for text, row in zip(new, rows, strict=True)}
        if not texts:
            return dict(self.encoder.encode([], views))
        return {view: np.stack([self.known[view, text] for text in texts]) for view in views}


@dataclass(frozen=True)
class Fired:
    """An alert as it was when it fired; ``planted``: the share of its documents by number of the event."""

    at: datetime
    rule: str
    kind: str
    series: Mapping[str, str]
    reason: str
    planted: Mapping[int, float]

    def belongs(self, event: Event) -> bool:
        """Whether this is an alert of the event, whenever it came."""
        if event.source:
            out = event.start <= self.at <= event.end + GRACE
            return self.kind == "silence" and self.series.get("source") == event.source and out
        return self.planted.get(event.number, 0.0) >= BELONGS


def score(events: Sequence[Event], fired: Sequence[Fired]) -> dict[str, Any]:
    """What was found after how many minutes, what was missed, and which alerts are false."""
    found: dict[str, float] = {}
    true: set[int] = set()
    for event in (event for event in events if event.must):
        own = [
            n for n, a in enumerate(fired) if a.belongs(event) and event.start <= a.at <= event.end + GRACE
        ]
        if own:
            found[event.kind] = (min(fired[n].at for n in own) - event.start).total_seconds() / 60
            true.update(own)
    planted = {event.number: event.kind for event in events}
    false = [
        {
            "at": f"{a.at:%Y-%m-%d %H:%M}",
            "rule": a.rule,
            "series": dict(a.series),
            "reason": a.reason,
            "planted": {planted[number]: round(share, 2) for number, share in a.planted.items()},
        }
        for n, a in enumerate(fired)
        if n not in true
    ]
    missed = [event.kind for event in events if event.must and event.kind not in found]
    return {"found": found, "missed": missed, "false": false, "alerts": len(fired)}


class Month:
    """Runs worlds through the monitor; the encoder, its memory and the heads serve all of them."""

    def __init__(self, plugins: Plugins, encoder: interfaces.Encoder | None = None) -> None:
        self.plugins, self.texts = plugins, Texts()
        self.encoder = None if encoder is None else Remembering(encoder)
        self.learned: bytes | None = None

    def run(self, world: World, folder: Path) -> list[Fired]:
        """The alerts that fired in the month, in order.

        :param folder: an empty one, for the database.
        """
        names = "".join(f'"{name}" = ["{short(name)}"]\n' for name in self.texts.companies)
        path = folder / "month.toml"
        path.write_text(CONFIG.read_text("utf-8").replace("[entities]", f"[entities]\n{names}#"), "utf-8")
        config = load_config(path, self.plugins, KINDS)
        if self.encoder is None:
            self.encoder = Remembering(make_encoder(config))
        if self.learned is not None:
            config.database.write_bytes(self.learned)
        runtime = Runtime(config, self.plugins, Store(config.database), self.encoder)
        # nothing here must survive a power cut
        runtime.store.connection.execute("pragma synchronous = off")
        try:
            runtime.synchronise(world.start)
            runtime.learn(world.start)
            if self.learned is None:
                self.learned = _copy(runtime.store, folder / "learned.db")
            for name, source in runtime.sources.items():
                assert isinstance(source, Posts)
                source.tell(world, name)
            return list(self._live(runtime, world))
        finally:
            runtime.close()
            runtime.store.close()

    def _live(self, runtime: Runtime, world: World) -> Iterator[Fired]:
        event_of = {(p.source, p.document.external_id): p.event for p in world.posts if p.event is not None}
        seen, now = 0, world.start
        while now <= world.end:
            for name in runtime.due_sources(now):
                with suppress(SourceError):  # noted in the database
                    runtime.fetch(name, now)
            while runtime.classify(now):
                pass
            runtime.tick(now)
            for alert in reversed(runtime.store.alerts.find(limit=100)):
                if alert.id > seen and alert.fired_at is not None:
                    seen = alert.id
                    yield _fired(runtime.store, alert, event_of)
            now += STEP


def _copy(store: Store, path: Path) -> bytes:
    store.connection.execute("vacuum into ?", (str(path),))
    return path.read_bytes()


def _fired(store: Store, alert: StoredAlert, event_of: Mapping[tuple[str, str], int]) -> Fired:
    documents = store.documents.many(store.alert_documents.of_alert(alert.id))
    of = Counter(event_of.get((d.source, d.external_id)) for d in documents)
    planted = {number: count / len(documents) for number, count in of.items() if number is not None}
    assert alert.fired_at is not None
    return Fired(alert.fired_at, alert.rule, alert.kind, alert.selection, alert.reason, planted)


def summary(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The figures over all seeds."""
    rows = list(seeds.values())
    found = Counter(kind for row in rows for kind in row["found"])
    missed = Counter(kind for row in rows for kind in row["missed"])
    delays = [delay for row in rows for delay in row["found"].values()]
    return {
        "seeds": len(rows),
        "recall": found.total() / max(1, found.total() + missed.total()),
        "false_alerts_a_month": mean(len(row["false"]) for row in rows),
        "median_delay_minutes": median(delays) if delays else None,
        "found": {kind: f"{found[kind]} of {found[kind] + missed[kind]}" for kind in sorted(found | missed)},
        "median_delay_minutes_of": {
            kind: median(row["found"][kind] for row in rows if kind in row["found"]) for kind in sorted(found)
        },
        "false_alerts_of": dict(Counter(alert["rule"] for row in rows for alert in row["false"])),
    }


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.option("--seeds", default=20, show_default=True, help="Seeds 0 to N - 1.")
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), help="Folder of the result.")
@click.option("--days", default=30, show_default=True, help="Length of the month; an event every three days.")
def main(seeds: int, date: str, results: Path, days: int) -> None:
    """Run what is not in the result file yet; write after each seed."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False
    )
    path = results / f"month-{date}.json"
    report = {
        "what": "a simulated month with ten planted events, seven of which must raise an alert",
        "command": f"PYTHONPATH=. python benchmarks/month.py --seeds {seeds} --date {date}",
        "asked": {"recall": RECALL, "false_alerts_a_month": FALSE_ALERTS},
        "date": date,
        "days": days,
        "machine": platform.processor() or platform.machine(),
        "seeds": {},
    }
    if path.exists():
        known = json.loads(path.read_text("utf-8"))
        if known["days"] != days:
            raise click.ClickException(f"{path} has months of {known['days']} days; use another --results")
        report["seeds"] = known["seeds"]
    rows: dict[str, Any] = report["seeds"]  # type: ignore[assignment]
    month = Month(load_plugins(extra={"posts": PostsPlugin()}))
    for seed in range(seeds):
        if str(seed) not in rows:
            began = perf_counter()
            world = make_world(np.random.default_rng(seed), month.texts, START, days)
            with tempfile.TemporaryDirectory() as folder:
                fired = month.run(world, Path(folder))
            row = score(world.events, fired)
            row |= {"seconds": round(perf_counter() - began, 1), "commit": commit.stdout.strip()}
            rows[str(seed)] = row
            results.mkdir(exist_ok=True)
            report["summary"] = summary(rows)
            path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        row = rows[str(seed)]
        click.echo(
            f"seed {seed:2}: {len(row['found'])} found, {len(row['false'])} false of {row['alerts']} alerts, "
            f"{row['seconds']:.0f} s; missed: {', '.join(row['missed']) or 'none'}"
        )
    click.echo(json.dumps(summary(rows), indent=1))
    click.echo(f"written to {path}")


if __name__ == "__main__":
    main()
