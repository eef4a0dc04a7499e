"""Few-shot heads: what a task learned, how it is fitted, and how it decides.

A head is linear over an encoder's features. For a row ``x`` and label ``l`` the score is
``(weight[l] @ x + bias[l]) / temperature``; probabilities are its softmax over the labels (one
label a text) or its sigmoid (``multi``: each label by itself). A softmax is sure of itself far
away from anything it has seen; so a head may also know its labels' centres, and believe its
softmax less the farther a text is from all of them; and where it was shown texts of no label, these have a
place in its softmax. Fitting is convex. Pure numpy
and scipy; nothing here knows where features come from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax

from monitor.errors import LearnError
from monitor.types import Prediction

FORMAT = 4
LEAST_CHANCE = 0.1
"""However far a text lies from a task's seeds: a few seeds do not show all that a label can be."""


@dataclass(frozen=True, eq=False)
class Reach:
    """How far a head's labels reach, to tell texts that carry none of them.

    ``centres`` (L, d) are rows of length 1. A text whose greatest similarity to them is ``middle``
    carries one of the labels with an even chance (about); ``width`` is how soon that changes.
    """

    centres: np.ndarray
    middle: float
    width: float

    def chance(self, features: np.ndarray) -> np.ndarray:
        """How likely it is that rows of features ``(n, d)`` carry one of the labels at all: ``(n,)``."""
        return self.at((features @ self.centres.T).max(axis=1))

    def at(self, nearest: np.ndarray) -> np.ndarray:
        """The same, by the greatest similarity to a centre: ``(n,)``; never less than :data:`LEAST_CHANCE`."""
        near = np.asarray(expit((nearest - self.middle) / self.width))
        return LEAST_CHANCE + (1 - LEAST_CHANCE) * near


@dataclass(frozen=True, eq=False)
class Head:
    """What a task learned. ``L`` labels over ``d`` features.

    ``encoder`` is the fingerprint of the encoder whose features the head reads (in ``view``);
    over others it means nothing. ``thresholds`` (L,) are probabilities; a task with one label
    a text has the same one for every label. ``reach`` is missing where nothing is known of it:
    in ``multi`` heads, and in those made of names alone. ``change`` is what was fine-tuned for
    this head, if anything was: an encoder that is offered it knows ``view``. ``strength`` is that of
    the fit (:func:`fit_softmax`); ``owned`` says that the thresholds are the task's owner's. ``none`` says that the
    softmax has a place for texts of no label, whose score is 0.
    """

    labels: tuple[str, ...]
    view: str
    encoder: str
    weight: np.ndarray
    bias: np.ndarray
    temperature: float
    thresholds: np.ndarray
    multi: bool
    reach: Reach | None = None
    change: bytes = b""
    strength: float = 2.0
    owned: bool = False
    none: bool = False

    @property
    def version(self) -> str:
        """Identifies the head by what it holds."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """The head in safetensors format, its plain fields as JSON in the metadata."""
        plain = {
            "format": FORMAT,
            "labels": self.labels,
            "view": self.view,
            "encoder": self.encoder,
            "temperature": float(self.temperature),
            "multi": self.multi,
            "strength": float(self.strength),
            "owned": self.owned,
            "none": self.none,
        }
        arrays = {"weight": self.weight, "bias": self.bias, "thresholds": self.thresholds}
        if self.reach is not None:
            plain |= {"middle": float(self.reach.middle), "width": float(self.reach.width)}
            arrays["centres"] = self.reach.centres
        contiguous = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
        if self.change:
            contiguous["change"] = np.frombuffer(self.change, np.uint8)
        return bytes(save(contiguous, metadata={"head": json.dumps(plain)}))

    @classmethod
    def from_bytes(cls, data: bytes) -> Head:
        """Read what :meth:`to_bytes` wrote. Raises :class:`LearnError` for anything else."""
        try:
            arrays = load(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            plain = json.loads(header["__metadata__"]["head"])
            if plain["format"] != FORMAT:
                raise LearnError(
                    f"the head has format {plain['format']}, this program reads {FORMAT}: adapt again"
                )
            reach = None
            if "centres" in arrays:
                reach = Reach(arrays["centres"], float(plain["middle"]), float(plain["width"]))
            head = cls(
                labels=tuple(plain["labels"]),
                view=str(plain["view"]),
                encoder=str(plain["encoder"]),
                weight=arrays["weight"],
                bias=arrays["bias"],
                temperature=float(plain["temperature"]),
                thresholds=arrays["thresholds"],
                multi=bool(plain["multi"]),
                reach=reach,
                change=arrays["change"].tobytes() if "change" in arrays else b"",
                strength=float(plain["strength"]),
                owned=bool(plain["owned"]),
                none=bool(plain.get("none")),  # heads of before had no such place
            )
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise LearnError("the head's bytes are damaged: adapt the task again") from error
        count = len(head.labels)
        same = reach is None or reach.centres.shape == head.weight.shape
        if (
            head.weight.ndim != 2
            or {len(head.weight), len(head.bias), len(head.thresholds)} != {count}
            or not same
            or not all(np.isfinite(array).all() for name, array in arrays.items() if name != "change")
        ):
            raise LearnError("the head's bytes are damaged: adapt the task again")
        return head


def with_threshold(head: Head, threshold: float | None) -> Head:
    """The head with its owner's threshold, where there is one (:class:`monitor.types.Task`)."""
    if threshold is None:
        return head
    return replace(head, thresholds=np.full(len(head.labels), threshold, np.float32), owned=True)


def probabilities(head: Head, features: np.ndarray) -> np.ndarray:
    """Features ``(n, d)`` to probabilities ``(n, L)``.

    Unless the head is ``multi``, rows sum to at most 1; what is missing is the probability that
    the text carries none of the labels.
    """
    if features.shape[1:] != head.weight.shape[1:]:
        raise LearnError(
            f"the head reads {head.weight.shape[1]} features, but got {features.shape[1:]}: adapt the task again"
        )
    features = features.astype(np.float32, copy=False)
    scores = (features @ head.weight.T + head.bias) / head.temperature
    if head.multi:
        return np.asarray(expit(scores))
    known = softmax(scores, axis=1) * carried(scores, none=head.none)[:, None]
    return np.asarray(known if head.reach is None else known * head.reach.chance(features)[:, None])


def carried(scores: np.ndarray, *, none: bool) -> np.ndarray:
    """How likely rows of ``scores`` ``(n, L)`` carry a label: ``(n,)``; certain unless ``none`` has a place."""
    return np.asarray(expit(logsumexp(scores, axis=1)) if none else np.ones(len(scores), scores.dtype))


def decide(head: Head, probabilities: np.ndarray) -> list[list[Prediction]]:
    """Predictions for each row of ``probabilities`` ``(n, L)``, the likeliest first.

    One label a text: exactly one prediction, abstained below the threshold. ``multi``: every
    label at or above its threshold; where there is none, the best guess, abstained.
    """
    reached = probabilities >= head.thresholds
    best = probabilities.argmax(axis=1)
    decided = []
    for row, guess, over in zip(probabilities, best, reached, strict=True):
        chosen = [i for i in np.argsort(-row, kind="stable") if over[i]] if head.multi else []
        decided.append(
            [Prediction(head.labels[i], float(row[i]), abstained=not over[i]) for i in chosen or [guess]]
        )
    return decided


def fit_softmax(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    strength: float,
    prior: np.ndarray | None = None,
    iterations: int = 200,
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression with weighted examples.

    Minimises ``sum_i weights[i] * cross_entropy_i + |W - prior|^2 / (2 * strength)``; the bias is free.

    :param features: ``(n, d)``; :param targets: ``(n, L)``, rows sum to 1; :param weights: ``(n,)``.
    :param prior: what the weights are before there are examples, ``(L, d)``; ``None``: nothing.
    :param iterations: of L-BFGS; fewer stop short of the optimum.
    :return: ``W (L, d)`` and ``b (L,)``.
    """

    targets, weights = targets.astype(np.float32), weights.astype(np.float32)

    def loss(scores: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(scores, axis=1)
        return -float((targets * logs).sum(1) @ weights), (np.exp(logs) - targets) * weights[:, None]

    return _minimise(loss, features, targets.shape[1], strength, iterations, prior)


def fit_sigmoid(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    *,
    strength: float,
    iterations: int = 200,
) -> tuple[np.ndarray, np.ndarray]:
    """One logistic regression for each label, fitted together (they do not touch each other).

    As :func:`fit_softmax`, but ``targets`` ``(n, L)`` are each in [0, 1] and ``weights`` is ``(n, L)``.
    """

    targets, weights = targets.astype(np.float32), weights.astype(np.float32)

    def loss(scores: np.ndarray) -> tuple[float, np.ndarray]:
        value = -(weights * (targets * log_expit(scores) + (1 - targets) * log_expit(-scores))).sum()
        return float(value), weights * (expit(scores) - targets)

    return _minimise(loss, features, targets.shape[1], strength, iterations)


def _minimise(
    loss: Any,
    features: np.ndarray,
    labels: int,
    strength: float,
    iterations: int,
    prior: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    count, width = features.shape
    start = np.zeros((labels, width), np.float32) if prior is None else prior.astype(np.float32)
    if not count:
        return start, np.zeros(labels, np.float32)
    known = features.astype(np.float32) @ start.T
    # What the optimum adds to the prior lies in the span of the rows: with few of them, work in their coordinates.
    basis = np.linalg.qr(features.T)[0] if 2 * count < width else None
    inner = (features if basis is None else features @ basis).astype(np.float32)
    size = inner.shape[1]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        table = flat.reshape(labels, size + 1)
        scores = known + inner @ table[:, :size].T.astype(np.float32) + table[:, size].astype(np.float32)
        value, slope = loss(scores)
        gradient = np.empty_like(table)
        gradient[:, :size] = slope.T @ inner + table[:, :size] / strength
        gradient[:, size] = slope.sum(0, dtype=np.float64)
        return value + float((table[:, :size] ** 2).sum()) / (2 * strength), gradient.ravel()

    found = minimize(
        objective,
        np.zeros(labels * (size + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 10, "ftol": 1e-7, "gtol": 1e-3},
    )
    table = found.x.reshape(labels, size + 1)
    weight = table[:, :size] if basis is None else table[:, :size] @ basis.T
    return start + weight.astype(np.float32), table[:, size].astype(np.float32)
