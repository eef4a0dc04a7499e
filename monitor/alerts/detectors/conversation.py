"""Conversation: one thread goes wrong. Its customer is left unanswered, or turns worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from monitor.alerts.detectors.history import Verdict, duration, span
from monitor.alerts.detectors.kind import KindSettings
from monitor.alerts.series_in_words import counted, is_not
from monitor.durations import Duration, format_duration
from monitor.types import ALL, Role, Selection

WAITS = "unanswered for "
"""How the reason begins while there is no answer."""
ANSWERED = "answered after "
"""How the reason begins where an answer ended it."""
EARLIER = 300
"""Seconds: where the customer wrote so long before the first text of the rule, it is said."""
UNANSWERED = "it was never answered"
"""How the reason ends where no answer did."""


@dataclass(frozen=True)
class Turn:
    """One text of a thread.

    ``at``: epoch second. ``carries``: whether it has the labels that the rule names, ``None`` where
    nothing is said of it (an abstention, a text that waits).
    """

    at: int
    role: Role
    carries: bool | None


class ConversationSettings(KindSettings):
    """Settings of ``kind = "conversation"``."""

    when: Literal["unanswered", "worse"] = Field(
        description="unanswered: no agent after a customer's text of `where`; worse: customers' texts turn to it"
    )
    after: Duration = Field(1800, ge=0, description="unanswered: for so long")
    turned: int = Field(2, ge=1, description="worse: so many in a row, after one that was different")
    in_a_row: int = Field(3, ge=1, description="worse: so many in a row, whatever was before")
    expires: Duration = Field(86400, ge=300, description="a thread without a text for so long is over")

    @property
    def window(self) -> float:
        """An answer ends it at once."""
        return 0.0

    def faults(self, where: Mapping[str, str], known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """What is wrong together with ``where``: ``(setting, reason)``."""
        if not where or ALL in where.values():
            yield "where", 'must name the label of a customer\'s text, as in where = { intent = "complaint" }'

    def calmer(self) -> str:
        """What to write for fewer alerts."""
        if self.when == "worse":
            return f"turned = {self.turned + 1} and in_a_row = {self.in_a_row + 1}"
        return f'after = "{format_duration(max(self.after * 2, 300.0))}"'


def judge(
    turns: Sequence[Turn], until: int, settings: ConversationSettings, where: Selection | None = None
) -> Verdict:
    """Whether a thread goes wrong.

    :param turns: in the order in which they were written.
    :param until: epoch second up to which all is known that was written.
    :param where: the labels that the rule looks for.
    """
    told = _unanswered if settings.when == "unanswered" else _worse
    if not turns or until - turns[-1].at > settings.expires:
        at = turns[-1].at if turns else until
        reason = f"nobody wrote for {duration(settings.expires)}"
        if settings.when == "unanswered" and _open(turns):
            reason += f"; {UNANSWERED}"
        return Verdict.nothing(at, until, reason)
    return told(turns, until, settings, where or {})


def _unanswered(
    turns: Sequence[Turn], until: int, settings: ConversationSettings, where: Selection
) -> Verdict:
    open_ = _open(turns)
    if not open_:
        return Verdict.nothing(turns[0].at, until, _answered(turns) or "nothing is left to answer")
    since = open_[0].at
    waits = until - since
    firing = waits >= settings.after
    first = next(turn.at for turn in _unread(turns) if turn.role == "customer")
    reason = f"{WAITS}{span(waits)}, {counted(len(open_), where)}{_earlier(first, since)}"
    if not firing:
        reason += f"; the rule waits {duration(settings.after)}"
        if answered := _answered(turns):
            reason = f"{answered}; since then {reason}"  # they went on before anybody looked
    return Verdict(firing, len(open_), 0.0, 0.0, 0.0, since, until, 0.0 if firing else 1.0, reason)


def _open(turns: Sequence[Turn]) -> list[Turn]:
    """The customer's texts of the rule that no agent has written after."""
    return [turn for turn in _unread(turns) if turn.role == "customer" and turn.carries]


def _unread(turns: Sequence[Turn]) -> Sequence[Turn]:
    """What was written after the last text of an agent."""
    # by their order, not their times: many logs have minutes only, and a reply may come in that of the answer
    last = max((n for n, turn in enumerate(turns) if turn.role == "agent"), default=-1)
    return turns[last + 1 :]


def _answered(turns: Sequence[Turn]) -> str:
    """How long the customer waited for the newest answer to a text of the rule; empty where there is none."""
    said = ""
    first: int | None = None
    asked: int | None = None
    for turn in turns:
        if turn.role == "agent":
            if first is not None and asked is not None:
                said = f"{ANSWERED}{span(turn.at - asked)}{_earlier(first, asked)}"
            first = asked = None
        elif turn.role == "customer":
            first = turn.at if first is None else first
            asked = turn.at if asked is None and turn.carries else asked
    return said


def _earlier(first: int, asked: int) -> str:
    """That the customer's wait began before a text of the rule did; both epoch seconds."""
    if asked - first < EARLIER:
        return ""
    return f"; the customer's first text without an answer came {span(asked - first)} earlier"


def _worse(turns: Sequence[Turn], until: int, settings: ConversationSettings, where: Selection) -> Verdict:
    said = [turn for turn in turns if turn.role == "customer" and turn.carries is not None]
    row = 0
    for turn in reversed(said):
        if not turn.carries:
            break
        row += 1
    turned = row < len(said)
    firing = row >= settings.in_a_row or (turned and row >= settings.turned)
    since = said[-row].at if row else turns[-1].at
    before = "; the one before was different" if turned else ""
    reason = f"{counted(row, where)} in a row from the customer{before}"
    if said and where and not row:
        reason = f"the customer's newest text {is_not(where)}"
    return Verdict(firing, row, 0.0, 0.0, 0.0, since, until, 0.0 if firing else 1.0, reason, quiet=row == 0)
