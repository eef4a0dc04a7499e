"""Other ways to learn from the same seeds with the same encoder: logistic regression, SetFit, FastFit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from monitor.learn.depths import FeatureEncoder
from monitor.learn.evaluate import HeldOutTexts
from monitor.types import Seed

HERE = Path(__file__).parent
MANY = 100
"""More seeds than this, and SetFit is told how many pairs to draw: all of them would take days."""


@dataclass(frozen=True)
class Found:
    """What a peer said of the test texts, and what that took.

    ``settings`` are those that are not the peer's defaults. ``chances`` ``(n, L)`` are probabilities
    of the labels in sorted order, where the peer has any that were scaled.
    """

    guesses: Sequence[str]
    adapt_seconds: float
    label_seconds: float
    settings: str = ""
    versions: Mapping[str, str] | None = None
    chances: np.ndarray | None = None


@dataclass(frozen=True)
class Ask:
    """One adaptation from ``seeds``, to be judged on ``tests``; ``draw`` numbers it."""

    encoder: FeatureEncoder
    folder: Path
    seeds: Sequence[Seed]
    tests: Sequence[str]
    held_out: HeldOutTexts
    draw: int
    pythons: Mapping[str, str]
    iterations: int


def logistic_regression(ask: Ask) -> Found:
    """scikit-learn's, C = 100, on frozen base features; probabilities scaled by :func:`heat`, off the clock."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100, max_iter=10000)
    labels = [seed.label for seed in ask.seeds]
    begin = perf_counter()
    features = ask.encoder.encode([seed.text for seed in ask.seeds], ("base",))["base"]
    fitted = model.fit(features, labels)
    adapting = perf_counter() - begin
    asked, encoding = ask.held_out.features("base")
    begin = perf_counter()
    guesses = [str(label) for label in fitted.predict(asked)]
    labelling = encoding + perf_counter() - begin
    folds = min(4, *Counter(labels).values())
    if folds < 2:
        return Found(guesses, adapting, labelling)
    scaled = softmax(fitted.predict_log_proba(asked) / heat(model, features, labels, folds), axis=1)
    return Found(guesses, adapting, labelling, chances=scaled)


def heat(model: Any, features: np.ndarray, labels: Sequence[str], folds: int) -> float:
    """The temperature of least log-loss (Guo et al. 2017) on seeds that fits without their fold have not seen."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    cut = StratifiedKFold(folds, shuffle=True, random_state=0)
    logs = cross_val_predict(model, features, labels, cv=cut, method="predict_log_proba")
    own = np.searchsorted(sorted(set(labels)), labels)

    def loss(log: float) -> float:
        return -float(log_softmax(logs / np.exp(log), axis=1)[np.arange(len(own)), own].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def setfit(ask: Ask) -> Found:
    """SetFit's defaults; with many seeds, ``num_iterations`` pairs a seed."""
    iterations = ask.iterations if len(ask.seeds) > MANY else None
    found = answer(ask, "setfit", {"iterations": iterations})
    return Found(**found, settings="" if iterations is None else f"num_iterations={iterations}")


def fastfit(ask: Ask) -> Found:
    """FastFit with the settings of its README."""
    return Found(**answer(ask, "fastfit", {}))


PEERS: dict[str, Callable[[Ask], Found]] = {"lr": logistic_regression, "setfit": setfit, "fastfit": fastfit}


def answer(ask: Ask, peer: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """What ``fewshot_PEER.py`` answers, run by the Python that has the peer."""
    request = {
        "folder": str(ask.folder),
        "seeds": [[seed.text, seed.label] for seed in ask.seeds],
        "tests": list(ask.tests),
        "random": ask.draw,
        **more,
    }
    return talk([ask.pythons.get(peer, sys.executable), str(HERE / f"fewshot_{peer}.py")], request)


def talk(command: Sequence[str], request: Mapping[str, Any]) -> dict[str, Any]:
    """Run a command with JSON on its stdin; returns the JSON of its stdout.

    Raises ``click.ClickException`` with the last line of its stderr where it fails.
    """
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, check=False, env=outside
        )
    except OSError as error:
        raise click.ClickException(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise click.ClickException(f"{Path(command[-1]).name} failed, run by {command[0]}: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
