"""A training of the real encoder, from a catalogue to views that it can be given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.learn.encoder import TransformerEncoder
from monitor.learn.meta.run import Order, meta_train
from monitor.learn.meta.settings import MetaSettings
from monitor.learn.meta.track import read_metrics
from monitor.learn.model_files import EMBEDDED_SHA256, embedded_folder
from monitor.learn.views import read_views
from tests.learn.meta.tiny import write_catalog


def test_practice_makes_better(tmp_path: Path) -> None:
    settings = MetaSettings(
        steps=20,
        views={"topic": ["topic", "intent"], "sentiment": ["sentiment"]},
        rank={"topic": 8, "sentiment": 8},
        hold={},
        spelling={"sentiment": 0.2},
        start=4,
        texts=32,
        rate=3e-3,
        warmup=2,
        check_every=100,
        save_every=100,
    )
    catalog = write_catalog(tmp_path / "catalog")
    order = Order([catalog], tmp_path / "out", embedded_folder(), settings, device="cpu")
    meta_train(order, lambda *said: None)
    views = read_views(tmp_path / "out" / "views.safetensors", encoder=EMBEDDED_SHA256)
    assert set(views.changes) == {"topic", "sentiment"}
    assert {name.partition(".")[0] for name in views.changes["topic"]} == {"4", "5"}
    own = TransformerEncoder.shipped(
        device="cpu", views=tmp_path / "out" / "views.safetensors", views_sha256=None
    )
    found = own.encode(["please stop the trip"], own.views)
    assert np.abs(found["topic"] - found["base"]).max() > 1e-3
    width = own.dimension
    assert (found["sentiment"][:, width:] ** 2).sum() == pytest.approx(0.2, abs=1e-3)
    rows = read_metrics(tmp_path / "out")
    for view in ("topic", "sentiment"):
        first = np.mean([row[f"{view}/accuracy"] for row in rows[:5]])
        last = np.mean([row[f"{view}/accuracy"] for row in rows[-5:]])
        assert last > first, view
