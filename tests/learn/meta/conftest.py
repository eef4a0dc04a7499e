"""A tiny model and a tiny catalogue that the tests share (they only read them)."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.learn.meta.trunk import Trunk
from tests.learn.meta.tiny import write_catalog, write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="session")
def trunk(model_folder: Path) -> Trunk:
    return Trunk(model_folder, "cpu", keep=True)
