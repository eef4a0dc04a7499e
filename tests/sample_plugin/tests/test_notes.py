"""The contract checks that monitor has for plugin authors, and what is this plugin's own."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import monitor_notes
import pytest
from monitor_notes import encoder, migrations, notifier, source, urgency

from monitor.plugins import load_plugins
from monitor.store import Store
from monitor.testing import (
    check_encoder,
    check_failing_notifier,
    check_failing_source,
    check_notifier,
    check_source,
    check_task_adapter,
    make,
    sample_notification,
    stored_document,
)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(source.BATCH + 5):
        (folder / f"{number:03}.txt").write_text(f"Note {number}\nPlease water the plants.")
    return folder


def test_everything_is_registered() -> None:
    plugins = load_plugins(found=(), extra={"notes": monitor_notes})
    (status,) = plugins.statuses
    assert status.error == ""
    assert sorted(status.provides) == [
        "encoder trigram",
        "migrations monitor-notes",
        "notifier jsonfile",
        "source notes",
        "task adapter urgency",
    ]


def test_the_source_keeps_the_contract(inbox: Path, tmp_path: Path) -> None:
    documents = check_source(make(source.Notes, tmp_path, folder="inbox"), at_least=source.BATCH + 5)
    assert documents[3].title == "Note 3"
    assert documents[3].text == "Please water the plants."


def test_an_edited_note_is_read_again_and_no_other(
    inbox: Path, tmp_path: Path, monitor_now: datetime
) -> None:
    notes = make(source.Notes, tmp_path, folder="inbox")
    *_, last = notes.fetch({}, monitor_now)
    assert list(notes.fetch(last.cursor, monitor_now)) == []
    (inbox / "007.txt").write_text("Note 7\nNever mind the plants.")
    (batch,) = notes.fetch(last.cursor, monitor_now)
    assert [(d.external_id, d.text) for d in batch.documents] == [("007.txt", "Never mind the plants.")]


def test_unusable_notes_are_kept_aside(tmp_path: Path, monitor_now: datetime) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "good.txt").write_text("Buy milk")
    (batch,) = make(source.Notes, tmp_path, folder=".").fetch({}, monitor_now)
    assert [document.title for document in batch.documents] == ["Buy milk"]
    assert [(record.place, record.reason.split(";")[0]) for record in batch.bad] == [
        ("binary.txt", "is not UTF-8"),
        ("empty.txt", "is empty"),
    ]


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    error = check_failing_source(make(source.Notes, tmp_path, folder="nowhere"))
    assert "no folder nowhere" in str(error)


def test_the_adapter_keeps_the_contract(tmp_path: Path) -> None:
    adapter = make(urgency.Urgency, tmp_path)
    check_task_adapter(adapter)
    assert Counter(seed.label for seed in adapter.seeds()) == dict.fromkeys(urgency.LABELS, 8)
    assert adapter.read(stored_document("I look into it.", role="agent")) is None


def test_the_notifier_keeps_the_contract(tmp_path: Path) -> None:
    def received() -> list[str]:
        return [path.read_text() for path in sorted(tmp_path.glob("out/*.json"))]

    files = make(notifier.JsonFile, tmp_path, folder="out")
    check_notifier(files, received)
    files.send(sample_notification())
    (once,) = received()  # the same key is the same file
    assert json.loads(once)["key"] == sample_notification().key


def test_a_notifier_that_cannot_write_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    check_failing_notifier(make(notifier.JsonFile, tmp_path, folder="taken"), permanent=True)


def test_the_encoder_keeps_the_contract(tmp_path: Path) -> None:
    check_encoder(make(encoder.Trigram, tmp_path))
    small, large = (make(encoder.Trigram, tmp_path, dimension=d) for d in (64, 128))
    assert small.fingerprint != large.fingerprint


def test_the_migration_makes_the_table(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db", migrations=[migrations.migrations])
    assert "notes_done" in store.row_counts()
    assert store.pending_migrations() == []
    store.close()
