"""The simulated series, what an oracle finds in them, and the table that tells it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import nbinom

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def series(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, which scripts of that folder import by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("surge_series")


def true_tail(count: int, means: list[float], dispersion: float) -> float:
    """P(Y >= count) of a sum of counts with these means, by its mean and variance."""
    mean = sum(means)
    variance = mean + dispersion * sum(m * m for m in means)
    return float(nbinom.sf(count - 1, mean**2 / (variance - mean), mean / variance))


def test_the_oracle_judges_windows_by_their_true_tail(series: Any) -> None:
    counts, rate = np.array([0, 4, 0, 3, 9, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    found = series.chances(counts, rate, (1, 3), 0.1)
    assert found[[0, 1, 2, 5]].tolist() == [1, 1, 1, 1]  # without texts, or fewer than five in both windows
    assert found[3] == pytest.approx(true_tail(7, [0.2, 0.3, 0.4], 0.1))
    alone, three = true_tail(9, [0.5], 0.1), true_tail(12, [0.3, 0.4, 0.5], 0.1)
    assert found[4] == pytest.approx(min(alone, three))
    assert found[6] == pytest.approx(true_tail(10, [0.5, 0.6, 0.7], 0.1))


def test_the_oracle_does_not_look_at_what_is_near_its_mean(series: Any) -> None:
    assert series.chances(np.array([12]), np.array([9.0]), (1,)).tolist() == [1]
    assert series.chances(np.array([30]), np.array([9.0]), (1,))[0] < 1e-3


@pytest.mark.parametrize("mean", [1.0, 20.0])
def test_the_level_gives_as_many_false_alerts_as_are_allowed(series: Any, mean: float) -> None:
    lengths, days = (1, 2), 30
    level = series.level(mean, 3600, lengths, days, 40, seed=1)
    dice, alerts = np.random.default_rng(2), 0
    for _ in range(40):
        rate = series.rates(mean, 3600, 364, dice)
        below = series.chances(series.draw(rate, dice), rate, lengths) < level
        alerts += int(below.reshape(364, -1).any(axis=1).sum())
    assert alerts == pytest.approx(40 * 364 / days, rel=0.25)


def test_bursts_are_planted_where_and_as_large_as_asked(series: Any) -> None:
    planted = series.plant(3, 1.0, 300, 10.0, 3600, 30)
    assert len(planted.bursts) == 30
    for start, burst in planted.bursts:
        assert 45 * 288 <= start < 59 * 288
        assert burst.shape == (12,)
        assert burst.sum() >= series.LEAST
    ratio = sum(b.sum() for _, b in planted.bursts) / sum(
        planted.rate[s : s + 12].sum() for s, _ in planted.bursts
    )
    assert ratio == pytest.approx(10, rel=0.1)
    assert planted.counts.mean() == pytest.approx(1, rel=0.1)


def test_the_oracle_finds_what_no_chance_explains_and_says_when(series: Any) -> None:
    rate = np.full(60 * 24, 1.0)
    calm = np.ones(60 * 24, dtype=int)
    planted = series.Planted(
        3600, rate, calm, [(1100, np.array([1, 30])), (1200, np.array([2, 2])), (1300, np.array([40, 0]))]
    )
    assert series.found_by_oracle(planted, (1, 2), 1e-4) == [1, None, 0]


def found(bursts: int, share: float, delay: float) -> dict[str, Any]:
    return {"bursts": bursts, "found": share, "median_delay_buckets": delay}


def test_the_table_tells_what_is_found_beside_what_can_be(
    series: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row: dict[str, Any] = {"mean": 1.0, "false_alerts": 4, "per_13_weeks": 0.25}
    for name, rule, best in (("tenfold", 0.7, 0.87), ("threefold", 0.2, 0.3)):
        for watched in (1, 1000):
            row[f"{name}_of_{watched}"] = found(200, rule - watched / 10000, 2)
            row[f"{name}_oracle_of_{watched}"] = found(200, best - watched / 10000, 1)
    step = {"single": [row], "together": {"series": 1000, "a_week": 0.75}}
    report = {"dispersion": 0.1, "step_300": step, "step_3600": step}
    (tmp_path / "surge-null-2026-01-31.json").write_text(json.dumps(report))
    said = import_module("surge_table").text(tmp_path)
    assert "| 1 in 1 h | 0.25 | 70 of 87 % | 60 of 77 % | 20 of 30 % | 2 (1) buckets |" in said
    row["tenfold_of_1"] = found(19, 0.5, 2)
    (tmp_path / "surge-null-2026-01-31.json").write_text(json.dumps(report))
    assert "| 1 in 1 h | 0.25 | – | 60 of 77 % |" in import_module("surge_table").text(tmp_path)


def test_the_table_tells_the_most_false_alerts_of_each_dispersion(series: Any, tmp_path: Path) -> None:
    rows = [
        {"dispersion": d, "swing": swing, "step": 300, "per_13_weeks": {"1.0": one}, "together_a_week": many}
        for d, swing, one, many in ((0.1, 0.0, 0.2, 0.5), (0.1, 1.5, 0.3, 0.4), (1.0, 0.7, 1.21, 6.0))
    ]
    (tmp_path / "surge-worlds-2026-01-31.json").write_text(json.dumps({"simulated": 200, "worlds": rows}))
    said = import_module("surge_table").text(tmp_path)
    assert "0.3 and 0.5 at dispersion 0.1; 1.2 and 6.0 at dispersion 1." in said
    assert "a factor of 1 to 20" in said


def test_the_readme_shows_the_newest_results(series: Any) -> None:
    table = import_module("surge_table")
    assert f"{table.BEGIN}\n{table.text()}\n{table.END}" in (ROOT / "README.md").read_text("utf-8")
