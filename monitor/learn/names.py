"""What the names of labels are worth beside seeds, and what they say of labels that have none."""

from __future__ import annotations

import numpy as np

from monitor.learn.support import Support

EXPECTED_AGREEMENT, AGREEMENT_TRUST = 0.75, 4
"""What names are taken for before there are seeds, and how many seeds it takes to think otherwise."""
TIE = 1e-6
"""Similarities that differ by less are the same: what is left is rounding."""
NAME_SHARE = 0.15
"""How far texts of two labels lie apart, of what their names do."""


def name_worth(support: Support) -> np.ndarray:
    """How much each label's name is worth, between 0 and 1: ``(L,)``.

    Names are worth as much as they agree with the seeds. Agreement is the share of other
    labels whose name is less similar to a seed than its own label's (half of a tie): one half for names that
    say nothing, such as "0" and "1", which then count for nothing. A label without seeds has
    only its name, and says nothing of the others' names.
    """
    seeds, targets = support.seeds, support.targets
    count, labels = targets.shape
    there = np.asarray(targets.any(axis=0))
    if there.sum() < 2:
        return np.ones(labels)
    similar = seeds @ support.names.T
    similar = similar - similar.mean(axis=0)
    row, own = np.nonzero(targets)
    others = (targets[row] == 0) & there
    ahead = similar[row, own][:, None] - similar[row]
    won = np.where(np.abs(ahead) < TIE, 0.5, ahead > 0)
    beaten = float((won * others).sum() / max(1, others.sum()))
    agreement = (count * beaten + AGREEMENT_TRUST * EXPECTED_AGREEMENT) / (count + AGREEMENT_TRUST)
    worth = min(1.0, max(0.0, (agreement - 0.5) / 0.15)) ** 2
    return np.where(there, worth, 1.0)


def imagined(support: Support) -> tuple[np.ndarray, np.ndarray]:
    """What texts of the ``u`` labels without seeds may look like ``(u, d)``, and what they count for labels ``(u, L)``.

    Any text is more like a seed than like a bare name. Seeds of some labels alone would draw all texts to
    these, so the other labels get an example each that is as much of a text: the mean of the seeds, moved as their
    names differ, by :data:`NAME_SHARE` of it. It counts more where the others have more seeds, but less than
    these. Where no label has seeds, or all have, nothing need be imagined.
    """
    targets, names = support.targets, support.names
    there = np.asarray(targets.any(axis=0))
    if there.all() or not there.any():
        return names[:0], targets[:0]
    count = targets[:, there].sum(axis=0)
    middle = (targets[:, there].T @ support.seeds / count[:, None]).mean(axis=0)
    texts = middle + NAME_SHARE * (names[~there] - names[there].mean(axis=0))
    return texts, np.sqrt(count.mean()) * np.eye(len(there))[~there]
