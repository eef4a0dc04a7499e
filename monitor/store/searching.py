"""What a person typed, as conditions on documents."""

from __future__ import annotations

import re

from monitor.errors import MonitorError
from monitor.mentions import UNSPACED

MOST, LONGEST = 100, 1000
"""More words, or characters of one, are a whole text that was pasted: SQLite gives up on several times as much."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_BESIDE = f"[{UNSPACED}]"
_TEXT = "lower(char(10) || title || char(10) || text)"


def searched(words: str) -> tuple[list[str], list[str]]:
    """Conditions, with their values, that a document meets in which every word occurs; the last may be a beginning.

    Scripts that put no blanks between words are one word to the index from mark to mark. So a word of such
    letters is looked for in the texts themselves, anywhere, and so is another one beside such a letter.

    :raises MonitorError: these are more than :data:`MOST` words, or one is longer than :data:`LONGEST`.
    """
    conditions, values = [], []
    typed = words.split()
    if len(typed) > MOST or max(map(len, typed), default=0) > LONGEST:
        raise MonitorError(
            f"that is too much to search for: give at most {MOST} words, of at most {LONGEST:,} characters each"
        )
    for place, word in enumerate(typed, 1):
        said = re.sub(r"[*?[]", r"[\g<0>]", word.lower())
        if _UNSPACED.search(word):
            conditions.append(f"{_TEXT} glob ?")
            values.append(f"*{said}*")
        else:
            conditions.append(
                "(id in (select rowid from documents_fts where documents_fts match ?) "
                f"or ({_TEXT} glob ? and ({_TEXT} glob ? or {_TEXT} glob ?)))"
            )
            # the index takes ß for a letter of its own
            small = word.lower()
            forms = {small, small.replace("ß", "ss"), small.replace("ss", "ß")}
            star = "*" * (place == len(typed))
            indexed = " OR ".join('"' + form.replace('"', '""') + '"' + star for form in sorted(forms))
            # the first of the three sorts out most texts, and is ten times as fast as the others
            values += [indexed, f"*{said}*", f"*{_BESIDE}{said}*", f"*[^a-z0-9]{said}{_BESIDE}*"]
    return conditions or ["0"], values
