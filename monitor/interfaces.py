"""The contracts that plugins fulfil: one base class for each kind of part.

A class names itself (``name``) and declares its settings as a pydantic model
(``Settings``); the core validates the configuration against it, so an object is only ever
made with settings that fit. Objects are made with keyword arguments and may be used from
several threads, one call at a time for each object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from monitor.errors import LearnError
from monitor.types import Batch, Health, Notification, Seed, StoredDocument


class Settings(BaseModel):
    """Base of every part's settings: unknown keys are faults, values are frozen.

    Fields of type :class:`pathlib.Path` (or lists of them) are taken relative to the
    configuration file. ``description=`` of a field is shown to the user.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(ABC):
    """What every configured part has: a plugin name, settings, and the folder paths start at.

    ``base`` is the folder of the configuration file; relative paths in settings start there.
    """

    name: ClassVar[str]
    """How the configuration refers to the class (``plugin = "rss"``)."""

    Settings: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Any, base: Path) -> None:
        self.settings = settings
        self.base = base

    def close(self) -> None:  # noqa: B027  (most parts hold nothing)
        """Let go of what the object holds; called once, from any thread, when it is used no more.

        Nobody waits for it longer than two seconds.
        """


class Source(Part):
    """Yields documents: a feed, a folder of chat logs.

    Contract, checked by :func:`monitor.testing.check_source`:

    - ``fetch`` yields batches; each carries the cursor to go on from. What a batch holds is
      stored together with its cursor, and the next ``fetch`` gets the last stored cursor.
    - The same record always has the same ``external_id``; a record seen before may be
      yielded again (the store knows it), a new one must not be skipped.
    - A record that cannot be used becomes a :class:`~monitor.types.BadRecord`.
    - A source that cannot be read raises :class:`~monitor.errors.SourceError`; it is tried
      again later, with growing pauses.
    - ``fetch`` returns when there is nothing more for now: it never waits for news, never
      sleeps, and reads no clock but ``now``.
    """

    @abstractmethod
    def fetch(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
        """Yield what is new since ``cursor`` (``{}`` at the first fetch)."""

    def continues(self, cursor: Mapping[str, Any]) -> bool:
        """Whether ``cursor`` (never ``{}``) was written with settings that read the same as those of now.

        Asked before each fetch. Where it was not (the address was changed), that fetch counts as the first: all that
        it yields is history. It gets the cursor as it is, and must not go on from a place in what was read before.
        """
        return True

    rereads: ClassVar[bool] = True
    """Whether settings change how its records are read, so that there is something to read again for."""

    def again(self, cursor: Mapping[str, Any]) -> Mapping[str, Any]:
        """What to give :meth:`fetch` so that all that was read up to ``cursor`` (never ``{}``) is yielded once more.

        Asked for by `monitor sources fetch --again`: known documents take over what the record says now, and what
        is not known is history. The cursor of the last batch is the one to go on from.
        """
        return {}

    def describe(self) -> str:
        """Where the documents come from, in a few words without secrets."""
        return self.name

    def notes(self, cursor: Mapping[str, Any]) -> Sequence[str]:
        """What the owner should know of all that was read up to ``cursor`` (``{}``: of what is there to read)."""
        return ()


class TaskAdapter(Part):
    """Makes a family of tasks: default labels, default seeds, and how a document is read.

    Contract, checked by :func:`monitor.testing.check_task_adapter`: ``labels`` has a
    one-line description for each label, every default seed carries a known label or none, and
    ``read`` is a pure function of the document.
    """

    family: ClassVar[str] = ""
    multi: ClassVar[bool] = False

    def labels(self) -> Mapping[str, str]:
        """Default labels with their descriptions; used where the owner names none."""
        return {}

    def seeds(self) -> Sequence[Seed]:
        """Default seeds; those whose label the task does not have are left out.

        Texts that carry none of the labels have :data:`monitor.types.NO_LABEL`.
        """
        return ()

    def read(self, document: StoredDocument) -> str | None:
        """The text to classify, or ``None`` where the task does not apply to the document."""
        return document.whole_text or None


class Notifier(Part):
    """Delivers alerts.

    Contract, checked by :func:`monitor.testing.check_notifier`: ``send`` returns when the
    other side has the notification, or raises :class:`~monitor.errors.DeliveryError`
    (``permanent=True`` where a retry cannot help). It passes ``notification.key`` on where the
    channel has a place for it, and does not retry by itself: the outbox does.
    """

    receives_alerts: ClassVar[bool] = True
    """Whether it gets alerts; one that does not is sent tests alone, and lives by :meth:`beat`."""
    pictures: ClassVar[bool] = False
    """Whether it shows ``notification.picture``; only then is one drawn."""

    def check(self) -> None:
        """See whether it can deliver, as far as files on this machine say; nothing is sent.

        `monitor config check` asks.

        :raises DeliveryError: it cannot, in one line that says what to do.
        """

    @abstractmethod
    def send(self, notification: Notification) -> None:
        """Deliver one notification."""

    def beat(self, now: datetime, health: Health) -> bool | None:
        """Called every few seconds while the monitor runs, with whether it does its work.

        Returns ``True`` where it told somebody, and was heard, and ``False`` where it had nothing to say just now. Of
        one that says neither it is not known whether a failure is over: it is taken for over.

        :raises DeliveryError: it wanted to tell somebody, and could not; that is logged, and ``monitor status`` says
            so until a call returns something else than ``False``.
        """
        return None

    def refresh(self, now: datetime, firing: Sequence[Notification]) -> None:
        """Called every minute while the monitor runs, with each alert that it was notified of and that still fires.

        For a channel where an alert ends unless somebody goes on saying that it fires. Nobody is notified anew: what
        is to be repeated comes through :meth:`send`.

        :raises DeliveryError: the other side could not be reached; that is logged, and tried a minute later.
        """

    def describe(self) -> str:
        """Where notifications go, in a few words without secrets."""
        return self.name


class Encoder(Part):
    """Texts to features: the shared, task-agnostic part of the classifier.

    Contract, checked by :func:`monitor.testing.check_encoder`: rows are unit vectors
    (float32), a text's row does not depend on the other texts of the call (up to rounding),
    and ``fingerprint`` changes whenever features would.
    """

    @property
    def views(self) -> tuple[str, ...]:
        """What it offers: ``base`` first, then views that suit some tasks better, if there are any.

        A task reads one of them, chosen from its seeds and label names. Views share what they can: a
        text wanted in two is passed in one call.
        """
        return ("base",)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies the weights and everything else that shapes features."""

    def check(self) -> None:
        """See whether it can be used, as far as its files say, without loading or fetching anything.

        `monitor config check` asks; one that is used says the same then.

        :raises LearnError: it cannot, in one line that says what to do.
        """

    def prior(self, labels: Sequence[str]) -> Mapping[str, float]:
        """What the names (with descriptions) of a task's labels say about the view that suits it.

        Log-odds by view, 0 for those left out. Seeds overrule it.
        """
        return {}

    @abstractmethod
    def encode(
        self,
        texts: Sequence[str],
        views: Sequence[str] = ("base",),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, np.ndarray]:
        """Features by view, each of shape ``(len(texts), d)``, float32, rows of length 1.

        ``progress`` is called with the number of texts done since the last call.
        """

    def reads(self, text: str) -> int:
        """How many characters of ``text`` it reads, from the first on; what follows does not count.

        An encoder that reads texts to their end leaves the method out.
        """
        return len(text)

    def as_read(self, text: str) -> str:
        """``text`` in the words in which it is read, where these are others: those of another language in English, say.

        An encoder that reads texts as they are leaves the method out.
        """
        return text

    def unread(self, text: str) -> float:
        """How far ``text`` is beyond what it reads, in letters or language: 0 (not at all) to 1.

        People are told so, and what to do. An encoder that cannot tell leaves the method out.
        """
        return 0.0

    def fine_tune(
        self,
        view: str,
        texts: Sequence[str],
        targets: np.ndarray,
        names: Sequence[str],
        parts: Sequence[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[bytes]:
        """Change ``view`` so that it tells the labels of ``texts`` apart better; a change for each of ``parts``.

        An encoder that cannot do this leaves the method out. ``progress`` is called with 1 after
        every step of the training.

        :param targets: numbers of labels, ``(n,)``; :param names: what each label says of itself.
        :param parts: masks ``(n,)`` of the texts that each change is learned from.
        :return: what :meth:`offer` takes.
        :raises LearnError: it cannot be done.
        """
        raise LearnError(f"the encoder {self.name} cannot be fine-tuned")

    def offer(self, change: bytes) -> str:
        """Know a view that :meth:`fine_tune` made, in this process or another; returns what it is called.

        Its name says what it holds: the same change has the same name. :attr:`views` does not list it.

        :raises LearnError: the change is damaged, or was not made for this encoder.
        """
        raise LearnError(f"the encoder {self.name} knows no fine-tuned views")
