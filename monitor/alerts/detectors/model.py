"""Model: the labels of a task no longer fit the stream.

The answers of the newest days are held against those of the reference weeks before them: how
often the task abstains (two shares), and how the texts it does label are spread over the labels
(two-sample chi-squared). Days differ by more than chance, so statistics are divided by the
dispersion that days show within each of the two times, and compared with t and F, which know
from how many days it was learned (quasi-likelihood; McCullagh and Nelder, Generalized Linear
Models, 1989, section 4.5). What is significant and small is no alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pydantic import Field

from monitor.alerts.detectors.history import Verdict, duration, percent
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.detectors.named import name_faults
from monitor.durations import DAY, Duration


class ModelSettings(KindSettings):
    """Settings of ``kind = "model"``."""

    tasks: tuple[str, ...] = Field((), description="names of tasks [default: each]")
    recent: Duration = Field(7 * DAY, ge=DAY, description="the days that are judged")
    reference: Duration = Field(
        28 * DAY, ge=7 * DAY, description="the time before, which they are held against"
    )
    min_count: int = Field(100, ge=10, description="nothing fires while either has fewer texts")
    abstained: float = Field(
        0.1, gt=0, lt=1, description="fire when the share without a label rises by so much"
    )
    moved: float = Field(
        0.15, gt=0, lt=1, description="fire when so large a share of the texts changed its label"
    )
    probability: float = Field(
        1e-4, gt=0, lt=0.5, description="fire when chance alone does that less often than this"
    )

    @property
    def window(self) -> float:
        """It is judged once an hour, on days: there is nothing to wait for."""
        return 0.0

    def faults(self, where: Mapping[str, str], known: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where`` and the known tasks: ``(setting, reason)``."""
        return name_faults("task", self.tasks, where, known["tasks"], "topic")

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        return f"probability = {self.probability / 10:.2g}"


def judge(
    labels: Sequence[str], reference: np.ndarray, recent: np.ndarray, until: int, settings: ModelSettings
) -> Verdict:
    """Whether answers drift.

    :param labels: of the columns but the last, which counts abstentions.
    :param reference: answers by day, shape ``(days, len(labels) + 1)``; :param recent: likewise.
    :param until: epoch second, the end of the recent days: whole ones, whatever ``settings.recent`` is.
    """
    from scipy.special import stdtr

    before, after = reference.sum(axis=0), recent.sum(axis=0)
    seconds = len(recent) * int(DAY)
    since, lately = until - seconds, duration(seconds)
    if min(before.sum(), after.sum()) < settings.min_count:
        reason = f"{after.sum():,.0f} answers, and {before.sum():,.0f} to compare: too few"
        return Verdict(False, int(after[-1]), 0.0, 0.0, 0.0, since, until, 1.0, reason)
    shares = (before[-1] / before.sum(), after[-1] / after.sum())
    two = [np.column_stack([days[:, -1], days[:, :-1].sum(axis=1)]) for days in (reference, recent)]
    spread, freedom = _dispersion(*two)
    pooled = (before[-1] + after[-1]) / (before.sum() + after.sum())
    error = np.sqrt(spread * pooled * (1 - pooled) * (1 / before.sum() + 1 / after.sum()))
    rises = float(stdtr(freedom, (shares[0] - shares[1]) / error)) if error else 1.0
    moved, chance = _moved(reference[:, :-1], recent[:, :-1])
    usual = shares[0] * after.sum()
    if rises < settings.probability and shares[1] - shares[0] >= settings.abstained:
        reason = f"no label fits {percent(shares[1])} of the texts in {lately}, usually {percent(shares[0])}"
        return Verdict(True, int(after[-1]), float(usual), 0.0, float(usual), since, until, rises, reason)
    if chance < settings.probability and moved >= settings.moved:
        mix = (before[:-1] / before[:-1].sum(), after[:-1] / after[:-1].sum())
        most = np.argsort(-np.abs(mix[1] - mix[0]))[:3]
        told = ", ".join(f"{labels[n]} {percent(mix[1][n])} (usually {percent(mix[0][n])})" for n in most)
        reason = f"other labels than usual in {lately}: {told}"
        first = most[0]
        usual = mix[0][first] * after[:-1].sum()
        return Verdict(True, int(after[first]), float(usual), 0.0, float(usual), since, until, chance, reason)
    quiet = shares[1] - shares[0] < settings.abstained / 2 and moved < settings.moved / 2
    reason = (
        f"no label fits {percent(shares[1])} of the texts in {lately} (usually {percent(shares[0])}), "
        f"and of the others {percent(moved)} have another label than usual"
    )
    return Verdict(
        False,
        int(after[-1]),
        float(usual),
        0.0,
        float(usual),
        since,
        until,
        min(rises, chance),
        reason,
        quiet,
    )


def risen(labels: Sequence[str], reference: np.ndarray, recent: np.ndarray) -> str | None:
    """The answer whose share rose most, ``None`` where that is having no label; arguments as of :func:`judge`."""
    before, after = (days.sum(axis=0) / max(1, days.sum()) for days in (reference, recent))
    place = int(np.argmax(after - before))
    return labels[place] if place < len(labels) else None


def _moved(reference: np.ndarray, recent: np.ndarray) -> tuple[float, float]:
    """Total variation distance between two mixes, and how often chance brings as large a chi-squared."""
    from scipy.special import fdtrc

    seen = np.stack([reference.sum(axis=0), recent.sum(axis=0)]).astype(float)
    seen = seen[:, seen.sum(axis=0) > 0]
    if seen.shape[1] < 2 or not seen.sum(axis=1).all():
        return 0.0, 1.0
    mix = seen / seen.sum(axis=1, keepdims=True)
    due = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    spread, freedom = _dispersion(reference, recent)
    degrees = seen.shape[1] - 1
    statistic = float(((seen - due) ** 2 / due).sum()) / degrees / spread
    return float(np.abs(mix[0] - mix[1]).sum() / 2), float(fdtrc(degrees, freedom, statistic))


def _dispersion(*times: np.ndarray) -> tuple[float, int]:
    """Pearson's chi-squared of days against the common mix of their time, by degree of freedom.

    At least 1: days do not differ by less than chance. With the degrees of freedom.
    """
    squares, freedom = 0.0, 0
    for days in times:
        known = days[days.sum(axis=1) > 0][:, days.sum(axis=0) > 0].astype(float)
        if min(known.shape) >= 2:
            due = known.sum(axis=1, keepdims=True) * known.sum(axis=0) / known.sum()
            squares += float(((known - due) ** 2 / due).sum())
            freedom += (known.shape[0] - 1) * (known.shape[1] - 1)
    return max(1.0, squares / max(1, freedom)), max(1, freedom)
