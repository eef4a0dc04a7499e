from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from monitor.pipeline.readers import load_readers
from monitor.runtime import Runtime


@pytest.mark.parametrize("data", [b"", b"a head of long ago"])
def test_a_head_that_cannot_be_read_stops_nothing(
    make_runtime: Callable[..., Runtime], monitor_now: datetime, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    runtime = make_runtime()
    head = runtime.store.heads.active("mood")
    assert head is not None
    runtime.store.db.execute("update heads set data = ? where id = ?", [data, head.id])

    def load() -> dict[str, object]:
        config = runtime.config
        readers = load_readers(runtime.store, runtime.plugins, config.base, runtime.encoder)
        return {reader.task.name: reader.head for reader in readers}

    assert load()["mood"] is None
    assert "task mood, head 1 is not used: the head's bytes are damaged: adapt the task again" in caplog.text
