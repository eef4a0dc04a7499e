from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from monitor.errors import LearnError, UnknownName
from monitor.learn.encoder import EMBEDDED_SHA256, TransformerEncoder, embedded_folder
from monitor.learn.layers import matrices, stack
from monitor.learn.model_files import sha256_of
from monitor.learn.ngrams import WIDTH as WIDTH_OF_NGRAMS
from monitor.learn.tune import to_bytes
from monitor.learn.views import (
    SHIPPED_VIEWS,
    SHIPPED_VIEWS_SHA256,
    Views,
    open_views,
    read_views,
    view_names,
    write_views,
)
from monitor_plugins.encoders import MiniLm, MiniLmSettings

TEXTS = [
    "The court fined the bank.",
    "Thank you!",
    "Profit fell " * 40,
    "Where is my parcel?",
    "",
    "Thank you!",
]
WIDTH = 384


def views(encoder: str = EMBEDDED_SHA256, start: int = 4, out: int = WIDTH) -> Views:
    """Two views: one changes nothing, one two matrices, at random."""
    generator = torch.Generator().manual_seed(0)

    def pair(inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
        down = torch.randn(2, inputs, generator=generator) / 20
        return down.half().float(), (torch.randn(outputs, 2, generator=generator) / 4).half().float()

    loud = {"4.attention.self.value": pair(WIDTH, out), "5.output.dense": pair(4 * WIDTH, out)}
    router = (
        np.stack([np.ones(WIDTH), -np.ones(WIDTH)]).astype(np.float32),
        np.array([0.5, -0.5], np.float32),
    )
    return Views(
        encoder, start, {"quiet": ("topic",), "loud": ("sentiment",)}, {"quiet": {}, "loud": loud}, router
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "views.safetensors"
    write_views(place, views(), {"steps": 1})
    return place


@pytest.fixture
def encoder(file: Path) -> Iterator[TransformerEncoder]:
    return TransformerEncoder(
        embedded_folder(), sha256=EMBEDDED_SHA256, device="cpu", dtype="float32", views=file
    )


def test_what_is_written_is_read(file: Path) -> None:
    expected, found = views(), read_views(file, encoder=EMBEDDED_SHA256, sha256=sha256_of(file))
    assert (found.start, found.families) == (4, {"quiet": ("topic",), "loud": ("sentiment",)})
    assert list(found.changes["quiet"]) == []
    for name, pair in expected.changes["loud"].items():
        for a, b in zip(pair, found.changes["loud"][name], strict=True):
            assert torch.equal(a, b.float())
    np.testing.assert_array_equal(found.router[0], expected.router[0])
    assert view_names(file) == ("base", "quiet", "loud")


def test_views_share_the_trunk_and_differ_above_it(encoder: TransformerEncoder) -> None:
    plain = TransformerEncoder(embedded_folder(), sha256=EMBEDDED_SHA256, device="cpu", dtype="float32")
    expected = plain.encode(TEXTS)["base"]
    found = encoder.encode(TEXTS, ("base", "quiet", "loud"))
    np.testing.assert_allclose(found["base"], expected, atol=1e-5)
    np.testing.assert_allclose(found["quiet"], expected, atol=1e-5)
    assert (np.abs(found["loud"] - expected).max(axis=1) > 0.02).all()
    np.testing.assert_allclose(np.linalg.norm(found["loud"], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, ["loud"])["loud"], found["loud"], atol=1e-5)


def test_a_view_is_the_model_with_other_weights(encoder: TransformerEncoder) -> None:
    other = TransformerEncoder(embedded_folder(), sha256=EMBEDDED_SHA256, device="cpu", dtype="float32")
    known = matrices(stack(other._model), 4)
    with torch.no_grad():
        for name, (down, up) in views().changes["loud"].items():
            known[name].weight += up @ down
    np.testing.assert_allclose(
        encoder.encode(TEXTS, ["loud"])["loud"], other.encode(TEXTS)["base"], atol=1e-4
    )


def test_the_trunk_runs_once_for_all_views(encoder: TransformerEncoder) -> None:
    layers = stack(encoder._model)
    runs = {0: 0, 4: 0}
    for index in runs:
        layers[index].register_forward_hook(lambda *_, index=index: runs.__setitem__(index, runs[index] + 1))
    encoder.encode(["a text"], ("quiet", "loud"))
    assert runs == {0: 1, 4: 0}, "the public model's upper layers are not needed either"
    encoder.encode(["a text"], ("base", "quiet", "loud"))
    assert runs == {0: 2, 4: 1}


def test_the_prior_reads_label_names(encoder: TransformerEncoder) -> None:
    names = ["good", "bad"]
    mean = encoder.encode(names)["base"].mean(axis=0)
    score = float((mean / np.linalg.norm(mean)).sum())
    assert encoder.prior(names) == pytest.approx({"quiet": score + 0.5, "loud": -score - 0.5}, abs=1e-4)
    assert encoder.prior([]) == {}


def test_the_fingerprint_tells_views_apart(encoder: TransformerEncoder, tmp_path: Path) -> None:
    plain = TransformerEncoder(embedded_folder(), device="cpu")
    write_views(tmp_path / "other", views(start=3), {})
    other = TransformerEncoder(embedded_folder(), device="cpu", views=tmp_path / "other")
    assert len({plain.fingerprint, encoder.fingerprint, other.fingerprint}) == 3
    assert plain.views == ("base",)
    with pytest.raises(UnknownName, match="base, loud, quiet"):
        encoder.encode(["x"], ["lout"])


def test_files_that_do_not_fit_are_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    def refused(place: Path, match: str, **options: str) -> None:
        with pytest.raises(LearnError, match=match) as caught:
            TransformerEncoder(embedded_folder(), device="cpu", views=place, **options)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)

    refused(file, "is not what it should be", views_sha256="0" * 64)
    refused(tmp_path / "nothing", "does not exist")
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:-100])
    refused(cut, "damaged")
    (tmp_path / "words").write_text("no weights")
    refused(tmp_path / "words", "damaged, or not a file of views")
    refused(tmp_path, "cannot be read: Is a directory")
    save_file({"x": torch.zeros(1)}, tmp_path / "checkpoint")
    refused(tmp_path / "checkpoint", "is not a file of views: name the views.safetensors")
    write_views(tmp_path / "foreign", views(encoder="f" * 64), {})
    refused(tmp_path / "foreign", "another encoder")
    write_views(tmp_path / "wide", views(out=768), {})
    refused(tmp_path / "wide", "was made for another one")
    write_views(tmp_path / "high", views(start=9), {})
    refused(tmp_path / "high", "the model has 6")
    save_file({"x": torch.zeros(1)}, tmp_path / "new", metadata={"views": json.dumps({"format": 99})})
    refused(tmp_path / "new", "format 99")
    with pytest.raises(LearnError, match="not a file of views"):
        view_names(tmp_path / "words")


def test_what_replaces_a_file_that_is_in_use_changes_nothing(file: Path, tmp_path: Path) -> None:
    plugin = MiniLm(MiniLmSettings(views=file, device="cpu", dtype="float32"), tmp_path)
    before = plugin.fingerprint
    write_views(file, views(start=3), {})
    assert plugin.fingerprint == before, "read once, before the model is loaded"
    plugin.encode(["a text"], ["loud"])
    assert plugin.fingerprint == plugin.loaded().fingerprint == before
    file.unlink()
    assert plugin.fingerprint == before
    write_views(file, views(start=3), {})
    later = MiniLm(MiniLmSettings(views=file, device="cpu", dtype="float32"), tmp_path)
    assert later.fingerprint == later.loaded().fingerprint != before


def test_shipped_views_are_the_ones_their_card_describes() -> None:
    assert sha256_of(SHIPPED_VIEWS) == SHIPPED_VIEWS_SHA256
    assert SHIPPED_VIEWS.stat().st_size < 12e6
    shipped = read_views(SHIPPED_VIEWS, encoder=EMBEDDED_SHA256)
    assert set(shipped.families) == {"topic", "sentiment"}
    assert SHIPPED_VIEWS_SHA256 in (SHIPPED_VIEWS.parent / "MODEL_CARD.md").read_text("utf-8")


def test_spelling_has_its_share_of_a_view_and_of_its_changes(tmp_path: Path) -> None:
    place = tmp_path / "views.safetensors"
    write_views(place, replace(views(), spelling={"loud": 0.25}), {})
    encoder = TransformerEncoder(embedded_folder(), device="cpu", dtype="float32", views=place, wordlists=())
    texts = ["My card was declined.", "ฉันต้องการยกเลิกคำสั่งซื้อ", "?!"]
    offered = encoder.offer(to_bytes("loud", {}))
    found = encoder.encode(texts, ("base", "quiet", "loud", offered))
    width = encoder.dimension
    assert {view: rows.shape[1] - width for view, rows in found.items()} == {
        "base": 0,
        "quiet": 0,
        "loud": WIDTH_OF_NGRAMS,
        offered: WIDTH_OF_NGRAMS,
    }
    for view in ("loud", offered):
        rows = found[view]
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        # A text in letters that the encoder does not know is told by its spelling; one without letters by the rest.
        np.testing.assert_allclose((rows[:, width:] ** 2).sum(axis=1), [0.25, 1, 0], atol=1e-5)
    np.testing.assert_allclose(found[offered], found["loud"], atol=1e-5)


@pytest.mark.parametrize("spelling", [{"loud": 1.0}, {"loud": -0.1}, {"loud": None}, None, "x", [1]])
def test_a_share_of_spelling_that_is_none_is_refused_before_anything_is_loaded(
    tmp_path: Path, spelling: Any
) -> None:
    place = tmp_path / "views.safetensors"
    write_views(place, replace(views(), spelling=spelling), {})
    with pytest.raises(LearnError, match=r"is damaged.*spelling has a share that is none"):
        open_views(place)


def test_a_file_of_before_spelling_has_none(tmp_path: Path, file: Path) -> None:
    rewrite(file, lambda plain: plain.pop("spelling"))
    assert read_views(file, encoder=EMBEDDED_SHA256).spelling == {"quiet": 0, "loud": 0}


def test_a_view_that_no_family_trained_is_refused(file: Path) -> None:
    rewrite(file, lambda plain: plain["families"].pop("loud"))
    with pytest.raises(LearnError, match="it speaks of no view 'loud'"):
        open_views(file)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    learned = views()
    name, (down, up) = next(iter(learned.changes["loud"].items()))
    place = tmp_path / "views.safetensors"
    spoilt = {**learned.changes, "loud": {**learned.changes["loud"], name: (down, up * float("nan"))}}
    write_views(place, replace(learned, changes=spoilt), {})
    with pytest.raises(LearnError, match="it holds what are no numbers"):
        read_views(place, encoder=EMBEDDED_SHA256)


def rewrite(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a file of views says of itself."""
    with safe_open(file, "pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        plain = json.loads(opened.metadata()["views"])
    change(plain)
    save_file(tensors, file, metadata={"views": json.dumps(plain)})
