"""What can go wrong, and who is to mend it.

    MonitorError            a person can mend it: one clear line, no traceback
    ├── ConfigError         a configuration file, with every fault it has
    ├── StoreError          the database: locked, newer, read-only, full
    ├── SourceError         a source could not be read this time (retried later)
    ├── DeliveryError       a notifier could not deliver (permanent or passing)
    ├── PluginError         a plugin did not load, or two plugins clash
    ├── UnknownName         a name nobody knows; lists the known ones
    └── LearnError          a task that cannot be learned as it is given

Everything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE = 500
"""So many characters of what another program says are kept and shown."""

_ERRNO = re.compile(r"\[Errno -?\d+\] (\w)")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


LONGEST_ASKED_S = 48 * 3600.0
"""Who asks to be left alone for longer means something else, such as the moment at which that ends."""


class MonitorError(Exception):
    """An error that a user can cause and mend; the message says how."""

    exit_code = 1


@dataclass(frozen=True)
class Fault:
    """One fault of a configuration file: ``place`` is a path like ``sources[2].every``.

    ``name`` is that of the table: nobody counts to the ninth rule. ``advice`` is for whoever just
    typed a command.
    """

    place: str
    message: str
    name: str = ""
    advice: str = ""

    def __str__(self) -> str:
        message = f"{self.message}; {self.advice}" if self.advice else self.message
        place = self.place.replace("]", f"] ({self.name})", 1) if self.name else self.place
        return f"{place}: {message}" if place else message


class ConfigError(MonitorError):
    """A configuration that cannot be used, with all of its faults."""

    exit_code = 2

    def __init__(self, path: object, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__("\n".join([f"{path} cannot be used:", *(f"  {fault}" for fault in faults)]))


class StoreError(MonitorError):
    """The database cannot be used as it is."""


class _Passing(MonitorError):
    """Something on the other side did not work this time.

    ``permanent`` means that it will hardly be otherwise soon. ``retry_after`` (seconds) is what the
    other side asked for, if it asked: a number of 0 or more, :data:`LONGEST_ASKED_S` at most, or text that is one
    (a header as it came); anything else is as if it had not asked. ``asked`` is what was given, whatever it is.
    """

    # of classes that derive from these without calling __init__ as well
    permanent: bool = False
    retry_after: float | None = None
    asked: object = None

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.permanent = bool(permanent)
        self.retry_after = _seconds(retry_after)
        self.asked = retry_after


class SourceError(_Passing):
    """A source could not be read this time; if ``permanent``, it is asked less and less often."""


class DeliveryError(_Passing):
    """A notifier could not deliver; ``permanent`` means that a retry cannot help."""


class PluginError(MonitorError):
    """A plugin did not load, or two plugins claim one name."""


class UnknownName(MonitorError):
    """A name that nobody knows. The message lists the known ones."""

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(set(known)))
        listing = ", ".join(self.known) if self.known else "there are none yet"
        super().__init__(f"no {kind} is called {name!r}; known: {listing}")


class LearnError(MonitorError):
    """A task that cannot be learned, or an encoder that cannot be used, as given."""


def one_line(said: object, most: int = LINE) -> str:
    """What another program says, as one line to be stored and shown: no control characters, not too long.

    An error that says nothing is told by its name.

    >>> one_line("no \\x1b[31mroute\\n  to host")
    'no route to host'
    """
    text = _ANSI.sub("", (str(said) or type(said).__name__)[: 20 * most])
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 4].rstrip() + " ..."


def plain(said: object) -> str:
    """What the system says of an error, without its number, nor the file that the sentence around it names.

    >>> plain(ConnectionRefusedError(111, "Connection refused"))
    'connection refused'
    >>> plain(PermissionError(13, "Permission denied", "labels.csv"))
    'permission denied'
    """
    if isinstance(said, OSError) and said.filename is not None and said.strerror:
        return said.strerror[:1].lower() + said.strerror[1:]
    return _ERRNO.sub(lambda found: found[1].lower(), str(said))


def raised(error: BaseException) -> str:
    """What to say of a plugin that raised an error which is none of these, on one line."""
    return one_line(f"the plugin raised {type(error).__name__}: {error}")


def _seconds(asked: object) -> float | None:
    try:
        seconds = float(asked)  # type: ignore[arg-type]  # whatever a plugin gives
    except (TypeError, ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_ASKED_S) if math.isfinite(seconds) and seconds >= 0 else None
