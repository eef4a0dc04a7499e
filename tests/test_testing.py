"""The checks that plugin authors have say which clause of a contract does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitor.errors import DeliveryError, SourceError
from monitor.testing import Recorder, check_failing_notifier, check_failing_source
from tests.conftest import ListSource


def source(*waiting: Any) -> ListSource:
    made = ListSource(None, Path())
    made.waiting = list(waiting)
    return made


def test_a_pause_that_is_no_number() -> None:
    """It works all the same, as far as it can be read; its author is told."""
    failing: Any = SourceError("busy", retry_after="120")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="retry_after must be a number of seconds"):
        check_failing_source(source(failing))
    recorder = Recorder()
    recorder.error = DeliveryError("busy", retry_after=float("nan"))
    with pytest.raises(AssertionError, match="not nan"):
        check_failing_notifier(recorder, permanent=False)
    assert check_failing_source(source(SourceError("busy", retry_after=120))).retry_after == 120
