"""What a meta-training is made of."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from monitor.errors import LearnError
from monitor.interfaces import Settings


class MetaSettings(Settings):
    """The settings of ``monitor meta-train --config FILE``; the defaults are what the shipped weights had."""

    seed: int = Field(0, ge=0, description="of everything that is random")
    steps: int = Field(6000, ge=1, description="steps of training; the rate falls to nothing over them")
    views: dict[str, list[str]] = Field(
        {"topic": ["topic", "intent"], "sentiment": ["sentiment"]},
        description="the families that train each view",
        min_length=1,
    )
    start: int = Field(3, ge=1, description="the first layer that views have for themselves")
    rank: dict[str, int] = Field({"topic": 16, "sentiment": 32}, description="of each view's change")
    max_tokens: int = Field(64, ge=8, le=512, description="longer texts are cut there in training")
    texts: int = Field(96, ge=8, description="texts a step, for each view")
    rate: float = Field(1e-3, gt=0, description="the highest learning rate")
    warmup: int = Field(100, ge=0, description="steps until it is reached")
    decay: float = Field(0.01, ge=0, description="weight decay")
    average: float = Field(
        0.998, ge=0, lt=1, description="how slowly the averaged weights, which are kept, follow"
    )
    head: Literal["prototype", "ridge", "gradient"] = Field(
        "prototype", description="how episodes are learned"
    )
    names_alone: float = Field(0.5, ge=0, description="weight of the loss from names alone")
    names_missing: float = Field(0.15, ge=0, le=1, description="share of episodes without names")
    names_paraphrased: float = Field(0.4, ge=0, le=1, description="share of names said in other words")
    near_labels: float = Field(0.5, ge=0, le=1, description="share of episodes of labels that are alike")
    hold: dict[str, float] = Field(
        {"topic": 2.0}, description="how much a view keeps the public model's similarities"
    )
    adversarial: float = Field(
        0.0, ge=0, lt=1, description="size of the perturbation of hidden states (0: none)"
    )
    masked_words: int = Field(
        0, ge=0, description="tasks made of unlabelled texts by masking words, for each view"
    )
    weights: dict[str, float] = Field({}, description="how often a task is drawn (1 where nothing is said)")
    check_every: int = Field(1000, ge=1, description="steps between looks at the validation tasks")
    save_every: int = Field(250, ge=1, description="steps between checkpoints")


def read_settings(file: Path | None) -> MetaSettings:
    """Settings from a TOML file. Raises :class:`LearnError` that names the first thing wrong."""
    if file is None:
        return MetaSettings()
    try:
        return MetaSettings.model_validate(tomllib.loads(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LearnError(f"{file}: {place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LearnError(f"{file} cannot be read: {error}") from error
