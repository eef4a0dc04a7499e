"""What a rule would have done, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from monitor.alerts.rules import describe
from monitor.cli.output import clock, number, print_table, shorten
from monitor.durations import format_duration

if TYPE_CHECKING:
    from monitor.pipeline.trying.rules import Report
    from monitor.pipeline.trying.time import Watched

SHOWN = 40
AGAINST = {"threshold": "limit", "ratio": "limit", "conversation": "", "keyword": "", "entity": ""}
"""What texts are held against, by kind, where that is not what is usual; these look at each text: at nothing."""


def record(report: Report) -> dict[str, Any]:
    """What a rule would have done, as JSON-able data."""
    return {
        "rule": report.rule.name,
        "kind": report.rule.kind,
        "since": report.watched.since,
        "until": report.watched.until,
        "series": len(report.tried),
        "alerts_a_month": report.a_month,
        "precision": report.precision,
        "judged": [
            {"id": number, "real": real, "raised_again": again}
            for number, (real, again) in report.judged.items()
        ],
        "alerts": [
            {
                "selection": dict(one.selection),
                "fired_at": raised.fired_at,
                "resolved_at": raised.resolved_at,
                "observed": raised.first.observed,
                "expected": raised.first.expected,
                "low": raised.first.low,
                "high": raised.first.high,
                "reason": raised.first.reason,
                "worst": raised.worst.observed,
                "early": raised.early,
            }
            for one, raised in report.alerts
        ],
    }


def show(report: Report) -> None:
    """Print what a rule would have done."""
    alerts, against = report.alerts, AGAINST.get(report.rule.kind, "usual")
    columns = ["fired", "for", "what", "texts", against, "worst", "early"]
    rows = [
        [
            clock(raised.fired_at),
            "still open"
            if raised.resolved_at is None
            else format_duration((raised.resolved_at - raised.fired_at).total_seconds()),
            shorten(describe(one.selection), 60),
            f"{raised.first.observed:,}",
            f"{raised.first.expected:,.0f}"
            if raised.first.expected >= 10
            else f"{raised.first.expected:.2g}",
            f"{raised.worst.observed:,}",
            format_duration(raised.early) if raised.early else "",
        ]
        for one, raised in alerts[-SHOWN:]
    ]
    shown = [number for number, column in enumerate(columns) if column]
    print_table(
        [columns[number] for number in shown],
        [[row[number] for number in shown] for row in rows],
        empty=_never(report.watched) or "it would not have fired",
        right=["texts", against, "worst"],
    )
    if len(alerts) > SHOWN:
        click.echo(f"and {len(alerts) - SHOWN} before; --json has all")
    if report.tried:
        rate = "too short a time for a rate" if report.a_month is None else f"{report.a_month:.1f} a month"
        click.echo(
            f"{number(len(alerts), 'alert')} in {whole_hours(report.watched.seconds)} on "
            f"{len(report.tried)} series: {rate}"
        )
        if report.watched.asked < report.watched.since < report.watched.until:
            click.echo(_begins(report.watched))
    else:
        click.echo("there is no series that the rule watches yet")
    if report.judged:
        again = [real for real, raised in report.judged.values() if raised]
        missed = sum(real for real, raised in report.judged.values() if not raised)
        said = f"of {number(len(report.judged), 'judged alert')} it would have raised {raised_again(again)}"
        said += f"; {number(missed, 'real one')} it would have missed" if missed else ""
        click.echo(said)


def raised_again(real: Sequence[bool]) -> str:
    """How many were raised again, and how many of those were real."""
    if len(real) == 1:
        return f"1 again, which was {'real' if real[0] else 'false'}"
    return f"{len(real)} again, {sum(real)} of them real" if real else "none again"


def _never(watched: Watched) -> str:
    """Why nothing could have fired, where nothing could."""
    if watched.seconds > 0:
        return ""
    if watched.learns and watched.ready > watched.until:
        known = max(0.0, (watched.until - watched.known).total_seconds())
        return (
            f"nothing can fire in the first {format_duration(watched.learns)} of history, "
            f"here until {clock(watched.ready, zone=True)}; there are {whole_hours(known)} of it"
        )
    return "nothing could fire: no text that counts came yet"


def _begins(watched: Watched) -> str:
    """Why it did not watch for as long as it was asked to."""
    said = f"nothing can fire before {clock(watched.since, zone=True)}"
    if watched.learns and watched.since == watched.ready:
        return f"{said}: the first {format_duration(watched.learns)} of history are learned from"
    return f"{said}: no text that counts came earlier"


def whole_hours(seconds: float) -> str:
    """A time in whole hours, where it has any."""
    return format_duration(seconds // 3600 * 3600 if seconds >= 3600 else seconds)
