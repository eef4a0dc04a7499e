"""What heads are made from, to tell whether that changed."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.types import NO_LABEL, Seed, Task, folded

LEARNER = 8
"""Raised when the learner changes what it makes of the same seeds, so that heads are made anew."""


def fingerprint(
    task: Task,
    settings: Mapping[str, Any],
    seeds: Sequence[Seed],
    encoder: str,
    *,
    learner: int = LEARNER,
) -> str:
    """Identifies what a head is made from, and by which ``settings`` of the adapter it reads documents.

    A task that reads other documents from now on is to read the past again. ``learner`` 0: whatever the learner
    makes of it.
    """
    parts = [
        learner,
        encoder,
        list(task.labels.items()),
        task.multi,
        task.threshold,
        sorted((seed.label, seed.text) for seed in seeds),
    ]
    if settings:  # heads of before knew of none
        parts.append(settings)
    if torn := _contradictions(seeds, multi=task.multi):
        parts.append(torn)
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _contradictions(seeds: Sequence[Seed], *, multi: bool) -> list[tuple[str, list[str]]]:
    """The labels of texts that have several where one can hold: which one does is told by their order."""
    labels = defaultdict[str, list[str]](list)
    for seed in seeds:
        labels[folded(seed.text)].append(seed.label)
    return sorted(
        (text, own) for text, own in labels.items() if len(set(own)) > 1 and (not multi or NO_LABEL in own)
    )
