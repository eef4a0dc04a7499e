"""Texts that a person said fit none of a task's labels, so that nobody is asked again."""

from __future__ import annotations

import json
from collections.abc import Collection

from monitor.store.room import Room


class Unfit(Room):
    """Texts by task, with the labels that were there to choose from."""

    def add(self, task: str, text: str, labels: Collection[str]) -> None:
        """A person said that ``text`` fits none of ``labels``."""
        self.write(
            "insert into unfit_texts values (?, ?, ?) "
            "on conflict (task, text) do update set labels = excluded.labels",
            [task, text, json.dumps(sorted(labels))],
        )

    def remove(self, task: str, text: str) -> None:
        """It was not meant so."""
        self.write("delete from unfit_texts where task = ? and text = ?", [task, text])

    def texts(self, task: str, labels: Collection[str]) -> list[str]:
        """Those that still fit none: a label that came later may be theirs."""
        rows = self.rows("select text, labels from unfit_texts where task = ? order by text", [task])
        return [text for text, known in rows if set(labels) <= set(json.loads(known))]
