"""Other ways to learn from the same seeds with the same encoder: logistic regression, SetFit, FastFit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from monitor.learn.depths import FeatureEncoder
from monitor.learn.evaluate import HeldOutTexts
from monitor.types import Seed

HERE = Path(__file__).parent
MANY = 100
"""More seeds than this, and SetFit is told how many pairs to draw: all of them would take days."""


@dataclass(frozen=True)
class Found:
    """What a peer said of the test texts, and what that took.

    ``settings`` are those that are not the peer's defaults.
    """

    guesses: Sequence[str]
    adapt_seconds: float
    label_seconds: float
    settings: str = ""
    versions: Mapping[str, str] | None = None


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
    """scikit-learn's, C = 100, on frozen base features."""
    from sklearn.linear_model import LogisticRegression

    begin = perf_counter()
    features = ask.encoder.encode([seed.text for seed in ask.seeds], ("base",))["base"]
    fitted = LogisticRegression(C=100, max_iter=10000).fit(features, [seed.label for seed in ask.seeds])
    adapting = perf_counter() - begin
    features, encoding = ask.held_out.features("base")
    begin = perf_counter()
    guesses = [str(label) for label in fitted.predict(features)]
    return Found(guesses, adapting, encoding + perf_counter() - begin)


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
