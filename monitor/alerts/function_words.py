"""English words that hold sentences together, and say nothing of what a text is about.

A statistic cannot tell them from news where few texts are there to count: two customers who write "I
have to" are as many as two who write "refund". Other languages are left to the statistic alone.
"""

from __future__ import annotations

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
"""Of these, what follows is told: ``not working``."""

FUNCTION_WORDS = NEGATIONS | frozenset(_OTHERS.split())
"""None of these is a word that rose, alone or in a pair."""
