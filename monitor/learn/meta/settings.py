"""What a meta-training is made of."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from monitor.errors import LearnError, plain
from monitor.interfaces import Settings

Share = Annotated[float, Field(ge=0)]
Rank = Annotated[int, Field(ge=1)]


class MetaSettings(Settings):
    """The settings of ``monitor meta-train --config FILE``.

    The defaults are those of the shipped weights; ``benchmarks/meta/shipped.toml`` adds how often each task was drawn.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    seed: int = Field(0, ge=0, description="of everything that is random")
    steps: int = Field(500, ge=1, description="steps of training; the rate falls to nothing over them")
    views: dict[str, list[str]] = Field(
        {"topic": ["topic", "intent"], "sentiment": ["sentiment"]},
        description="the families that train each view",
        min_length=1,
    )
    start: int = Field(3, ge=1, description="the first layer that views have for themselves")
    rank: dict[str, Rank] = Field({"topic": 16, "sentiment": 32}, description="of each view's change")
    max_tokens: int = Field(64, ge=8, le=512, description="longer texts are cut there in training")
    texts: int = Field(96, ge=8, description="texts a step, for each view")
    rate: float = Field(1e-3, gt=0, description="the highest learning rate")
    warmup: int = Field(100, ge=0, description="steps until it is reached")
    decay: float = Field(0.01, ge=0, description="weight decay")
    average: float = Field(
        0.998, ge=0, lt=1, description="how slowly the averaged weights, which are kept, follow"
    )
    share: float = Field(
        0.75, gt=0, le=1, description="how much of what was learned is kept, between the public model and it"
    )
    head: Literal["prototype", "ridge", "gradient"] = Field(
        "prototype", description="how episodes are learned"
    )
    names_alone: float = Field(0.5, ge=0, description="weight of the loss from names alone")
    names_missing: float = Field(0.15, ge=0, le=1, description="share of episodes without names")
    names_paraphrased: float = Field(0.4, ge=0, le=1, description="share of names said in other words")
    near_labels: float = Field(0.5, ge=0, le=1, description="share of episodes of labels that are alike")
    hold: dict[str, Share] = Field(
        {"topic": 20.0}, description="how much a view keeps the public model's similarities"
    )
    spelling: dict[str, Annotated[float, Field(ge=0, lt=1)]] = Field(
        {"topic": 0.1, "sentiment": 0.03},
        description="the share of spelling (character n-grams) in views that are named; it needs no training",
    )
    adversarial: float = Field(
        0.02, ge=0, lt=1, description="size of the perturbation of hidden states (0: none)"
    )
    masked_words: int = Field(
        0, ge=0, description="tasks made of unlabelled texts by masking words, for each view"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="what matrices are multiplied in; auto: bfloat16 where the hardware multiplies it faster",
    )
    weights: dict[str, Share] = Field({}, description="how often a task is drawn (1 where nothing is said)")
    check_every: int = Field(250, ge=1, description="steps between looks at the validation tasks")
    save_every: int = Field(250, ge=1, description="steps between checkpoints")

    @model_validator(mode="after")
    def _known_views(self) -> Self:
        known = ", ".join(self.views)
        for field, given in (("rank", self.rank), ("hold", self.hold), ("spelling", self.spelling)):
            for view in given if field in self.model_fields_set else ():
                if view not in self.views:
                    raise ValueError(f"{field} names view {view!r}; known: {known}")
        for view, families in self.views.items():
            if not view or "/" in view or "." in view or view == "base":
                raise ValueError(f"a view cannot be called {view!r}")
            if view not in self.rank:
                raise ValueError(f"view {view!r} needs a rank")
            if not families:
                raise ValueError(f"view {view!r} needs a family")
        return self


def read_settings(file: Path | None) -> MetaSettings:
    """Settings from a TOML file. Raises :class:`LearnError` that names the first thing wrong."""
    if file is None:
        return MetaSettings()
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LearnError(f"{file} cannot be read: {plain(error)}") from error
    try:
        return MetaSettings.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"is not known here; known: {', '.join(sorted(MetaSettings.model_fields))}"
        raise LearnError(f"{file}: {place}: {said}" if place else f"{file}: {said}") from error
