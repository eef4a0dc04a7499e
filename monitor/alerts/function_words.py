"""Words that hold sentences together, and say nothing of what a text is about.

A statistic cannot tell them from news where few texts are there to count: two customers who write "I
have to" are as many as two who write "refund". Those of English are always left out, those of some other
languages (:mod:`monitor.alerts.other_languages`) where texts are in them, for "die" and "car" are words of
one language and not of another. What else is written is left to the statistic alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from monitor.alerts.other_languages import LANGUAGES

SOME = 0.25
"""A language counts that so large a share of the texts is in."""
FEWEST = 2
"""A text is in a language of which it has so many function words, and more than of another."""

_NEGATIONS = """
no not never none nothing nobody neither nor cannot can't won't don't doesn't didn't isn't aren't wasn't
weren't haven't hasn't hadn't wouldn't couldn't shouldn't without
"""
_OTHERS = """
a an the this that these those such same other another each every either both all any some many much more
most few fewer less least several own one ones two i me my mine myself you your yours yourself he him his
himself she her hers herself it its itself we us our ours ourselves they them their theirs themselves who
whom whose which what someone somebody something anyone anybody anything everyone everybody everything
i'm i've i'd i'll you're you've you'd you'll he's she's it's we're we've we'd we'll they're they've
they'd they'll that's there's what's who's let's here's is am are was were be been being do does did
doing done has have had having will would shall should can could may might must ought get gets got
getting let lets and or but if then else because as until while so than though although whether since
unless of at by for with about against between into through during before after above below to from up
down in out on off over under again further within upon toward towards across along among around behind
beside besides beyond per via despite except near here there when where why how now just only very too
also even still yet already ever always often once really quite rather almost perhaps maybe however
therefore thus hence else instead anyway said says say told tell tells yes ok okay
"""

NEGATIONS = frozenset(_NEGATIONS.split())
FUNCTION_WORDS = NEGATIONS | frozenset(_OTHERS.split())


class Empty(NamedTuple):
    """None of ``words`` rose, alone or in a pair, but for negations.

    Those of ``before`` may begin a pair (``not working``), those of ``behind`` end one (``geht nicht``).
    """

    words: frozenset[str] = FUNCTION_WORDS
    before: frozenset[str] = NEGATIONS
    behind: frozenset[str] = frozenset()


ENGLISH = Empty()


def of_texts(texts: Sequence[Collection[str]]) -> Empty:
    """The function words of the languages that texts are in; each text is the set of its words."""
    words, before, behind = ENGLISH
    own = [frozenset().union(*language) for language in LANGUAGES]
    spoken = [0] * len(LANGUAGES)
    for text in texts:
        held = frozenset(text)
        counts = [len(words_of & held) for words_of in (*own, FUNCTION_WORDS)]
        most = max(counts)
        if most >= FEWEST and counts.count(most) == 1 and (number := counts.index(most)) < len(spoken):
            spoken[number] += 1
    for language, every, count in zip(LANGUAGES, own, spoken, strict=True):
        if count and count >= SOME * len(texts):
            words, before, behind = words | every, before | language.before, behind | language.behind
    return Empty(words, before, behind)
