"""Alerts raised by what came late say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from weeks import Weeks

from monitor.alerts.message import compose, data
from monitor.moments import moment
from monitor.pipeline.alerting.evidence import gather
from monitor.pipeline.alerting.lateness import late
from monitor.templating import Templates
from monitor.types import StoredDocument

NOW = datetime(2026, 3, 4, 12, 19, tzinfo=UTC)
OUT = NOW - timedelta(hours=1, minutes=50)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.fixture
def weeks(tmp_path: Path) -> Iterator[Weeks]:
    made = Weeks(tmp_path / "monitor.db", NOW, days=3, busy=3)
    made.report(made.wave[0], OUT, source="wire")
    yield made
    made.store.close()


def came(
    weeks: Weeks, minutes: range, *, source: str = "wire", at: datetime | None = NOW
) -> list[StoredDocument]:
    """Texts written so many minutes ago, newest first; all came ``at`` a time, or each when it was written."""
    ids = [weeks.report(weeks.wave[n], ago(minutes=m), source=source) for n, m in enumerate(minutes)]
    if at is not None:
        with weeks.store.transaction() as connection:
            for one in ids:
                connection.execute(
                    "update documents set fetched_at = ? where id = ?",
                    [at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), one],
                )
    return weeks.documents(ids)


def test_a_notification_says_that_its_texts_came_late(weeks: Weeks) -> None:
    documents = came(weeks, range(40, 110, 10)) + came(weeks, range(5, 15, 5), source="bbc-business", at=None)
    alert_id = weeks.store.alerts.insert(
        rule="named", kind="threshold", fingerprint="f", selection={"topic": "litigation"}, since=OUT, now=NOW,
        observed=10, expected=4, low=0, high=4, reason="10 texts", notify=[],
    )  # fmt: skip
    alert = weeks.store.alerts.need(alert_id)
    evidence = gather(weeks.store, alert, documents, NOW)
    assert evidence["late"] == [{"source": "wire", "since": moment(OUT), "until": moment(NOW)}]
    content = data(asdict(alert), documents, evidence=evidence)
    vienna = Templates(zone="Europe/Vienna")
    said = compose("firing", content, vienna)
    line = "Came late: nothing came from wire between 11:29 CET and 13:19 CET."
    for text in (said.body, said.html):
        assert line in text
    over = {**content, "resolved_at": NOW.isoformat()}
    assert "Came late" not in compose("resolved", over, vienna).body
    assert (
        "Came late" not in compose("firing", {**content, "evidence": {**evidence, "late": []}}, vienna).body
    )


def test_what_is_not_late_is_not_called_so(weeks: Weeks) -> None:
    store = weeks.store
    assert late(store, []) == []
    fresh = came(weeks, range(1, 20, 3))
    assert late(store, fresh) == []
    held = came(weeks, range(60, 120, 20))
    assert [one["source"] for one in late(store, held)] == ["wire"]
    assert late(store, held + fresh) == [], "most of them are not"
    store.sources.sync([("wire", "rss", 7200.0)])
    assert late(store, held) == [], "it is read that seldom"


def test_texts_that_were_written_before_others_came_were_not_held_up(weeks: Weeks) -> None:
    held = came(weeks, range(60, 120, 20))
    came(weeks, range(2, 3), at=None)
    again = [replace(document, fetched_at=NOW + timedelta(minutes=5)) for document in held]
    assert late(weeks.store, again) == [], "the source was read meanwhile, and lists late what it has"
