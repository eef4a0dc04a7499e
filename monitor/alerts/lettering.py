"""Letters in pictures: matplotlib draws a box for one that its font lacks, and cannot write from right to left."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

FAMILY = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic and much else."""
_LEFTWARDS = ("R", "AL")
_BOXES = "Last Resort"
"""Comes with matplotlib, and has a box for every letter."""


def drawable(text: str) -> tuple[str, list[str]]:
    """A text as it can be drawn, and the families of fonts that have its letters.

    What no font of this machine has, or is written from right to left, is left out: an ellipsis stands for it.
    """
    families, lost = [FAMILY], set()
    if not text.isascii():
        lost = {c for c in text if unicodedata.bidirectional(c) in _LEFTWARDS}
        wanted = frozenset(c for c in text if not c.isascii() and c not in lost)
        found, missing = _fonts(wanted)
        families, lost = [FAMILY, *found], lost | missing
    shown = "".join("…" if c in lost else c for c in text)
    return re.sub(r"…(?:\s*…)+", "…", shown), families


@lru_cache(256)
def _fonts(wanted: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that have the letters which :data:`FAMILY` lacks, and the letters that none has."""
    from matplotlib.font_manager import findfont, fontManager
    from matplotlib.ft2font import FT2Font

    missing = _lacking(FT2Font(findfont(FAMILY)), wanted)
    families: list[str] = []
    for entry in fontManager.ttflist:
        if not missing:
            break
        if entry.style != "normal" or entry.name in (FAMILY, *families) or entry.name.startswith(_BOXES):
            continue
        try:
            lacks = _lacking(FT2Font(entry.fname), missing)
        except (OSError, RuntimeError):  # a file that is gone, or is no font
            continue
        if lacks < missing:
            families.append(entry.name)
            missing = lacks
    return tuple(families), missing


def _lacking(font: object, letters: frozenset[str]) -> frozenset[str]:
    return frozenset(c for c in letters if not font.get_char_index(ord(c)))  # type: ignore[attr-defined]
