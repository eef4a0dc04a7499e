"""From the fields of one record to a document: columns, roles, times, identity."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from monitor.types import Document, Role
from monitor_plugins._dates import plain

if TYPE_CHECKING:
    from monitor_plugins._chatlog_settings import ChatlogSettings

log = logging.getLogger(__name__)

_CUSTOMERS = (
    "customer user client visitor contact end-user human buyer "
    "kunde kundin nutzer nutzerin cliente clienta usuario usuaria utilisateur utilisatrice klient klientka "
    "клиент пользователь покупатель 客户 客戶 顾客 顧客 用户 用戶 お客様"
)
_AGENTS = (
    "agent bot support operator assistant system staff admin rep representative employee advisor adviser "
    "human-agent support-agent service-agent live-agent virtual-agent customer-service csr seller chatbot "
    "berater beraterin mitarbeiter mitarbeiterin conseiller conseillère agente asesor asesora operador operadora "
    "konsultant konsultantka doradca оператор консультант сотрудник 客服 人工客服 坐席 オペレーター 担当者"
)
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(_CUSTOMERS.split(), "customer"),
    **dict.fromkeys(_AGENTS.split(), "agent"),
    "publisher": "publisher",
}
"""What logs call the people in them; see :func:`spoken`."""
UNKNOWN = 20
"""So many values that are no known role are kept, with how often each came: a column of names has thousands."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""Up to so much, the clock of whoever writes a log may be ahead of the monitor's."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNIQUE = re.compile(
    r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{24,}|\d{15,}|[0-9A-HJKMNP-TV-Z]{26}|<\S+@\S+>",
    re.I,
)
"""Ids that nothing else has: a UUID, a long digest or number, a ULID, a mail's. Others count within their thread."""
_MOMENT = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}(?!\d)|\d{1,2}:\d\d\b|1\d{9}(\d{3})?(\.\d+)?$")
"""How a value begins that may be a time."""
_LONE = re.compile("[\ud800-\udfff]")


def shorten(value: str) -> str:
    """The beginning of a value, for a message."""
    return clean(value)[:40]


class Unusable(Exception):
    """A record that cannot become a document; the message says why."""


def zone(name: str) -> tzinfo:
    """The time zone of that name; UTC needs no zone database.

    :raises KeyError, ValueError: if there is none.
    """
    return UTC if name.upper() == "UTC" else ZoneInfo(name)


def digest(*parts: object) -> str:
    """20 hex digits that stand for the parts, in order."""
    return blake2b(json.dumps(parts).encode(), digest_size=10).hexdigest()


def clean(text: str) -> str:
    """Text that every database takes: no NUL, and U+FFFD for half a character."""
    return _LONE.sub("\ufffd", text).replace("\0", "")


def spoken(role: str) -> str:
    """A role as it is compared: ``Human_Agent`` and ``human agent`` are one."""
    return re.sub(r"[\s_-]+", "-", role.strip().casefold())


class Mapper:
    """Makes documents of records as the settings say.

    ``unknown`` counts, by value, the records whose role nobody knows. Where the owner wrote a
    ``default_role``, there is nothing to ask, and nothing is counted. ``timeless`` counts the records
    that lack the column of the time, by the other column that looks like it. ``lacking``: columns that the
    owner named and no record had yet; ``None`` before the first record. ``now``: no record is from a
    later year than the one after it. ``earlier``: as records were read with settings before these.
    """

    def __init__(self, settings: ChatlogSettings) -> None:
        self._columns = settings.columns
        self._roles = {**ROLES, **{spoken(key): role for key, role in settings.roles.items()}}
        self._default_role: Role = settings.default_role
        self._unique = settings.unique_ids
        self._asks = "default_role" not in settings.model_fields_set
        self.unknown: dict[str, int] = {}
        self.timeless: dict[str, int] = {}
        self.named = [part for part in settings.columns.model_fields_set if getattr(self._columns, part)]
        self.lacking: set[str] | None = None
        self._time_format = settings.time_format
        self.now = datetime.max.replace(tzinfo=UTC)
        self.earlier: Sequence[Mapper] = ()
        self._zone, self._zoned = zone(settings.timezone), "timezone" in settings.model_fields_set

    def document(self, record: Mapping[str, Any], identify: Callable[[str, bool], str]) -> Document:
        """The document of a record.

        ``identify`` gives an id to a record that has none, from a digest of its content and
        whether its time of day is part of that.

        :raises Unusable: with the reason.
        """
        columns = self._columns
        if self.lacking is None:
            self.lacking = set(self.named)
        self.lacking -= {
            part for part in self.lacking if lookup(record, getattr(columns, part)) is not _NOTHING
        }
        if lookup(record, columns.text) is _NOTHING:
            raise Unusable(f"has no {columns.text!r}; it has {listing(record)}")
        text = field(record, columns.text).strip()
        if not text:
            raise Unusable(f"{columns.text!r} is empty")
        thread, role = field(record, columns.thread).strip(), field(record, columns.role).strip()
        written = field(record, columns.time).strip()
        published_at = self.time(written) if written else None
        if columns.time and lookup(record, columns.time) is _NOTHING:
            self._miss(record)
        given = field(record, columns.id).strip()
        timed = published_at is not None
        return Document(
            external_id=given or identify(digest(thread, role.casefold(), written, text), timed),
            text=text,
            title=field(record, columns.title).strip(),
            url=field(record, columns.url).strip(),
            thread=thread,
            role=self.role(role) if role else self._default_role,
            published_at=published_at,
            local=bool(given) and not self._unique and UNIQUE.fullmatch(given) is None,
        )

    def role(self, written: str) -> Role:
        """Who that is; the default role, counted and logged once, where nobody knows it."""
        known = self._roles.get(spoken(written))
        if known is not None or not self._asks:
            return known or self._default_role
        name = shorten(written)
        if name not in self.unknown and len(self.unknown) < UNKNOWN:
            log.warning("%s; name it under roles", self._taken(name))
            self.unknown[name] = 0
        if name in self.unknown:
            self.unknown[name] += 1
        return self._default_role

    def notes(
        self, unknown: Mapping[str, int], timeless: Mapping[str, int], lacking: Iterable[str]
    ) -> list[str]:
        """A sentence for each value that was no known role and is none now, and on missing times and columns."""
        roles = [
            f"{self._taken(name)} ({times:,} time{'s' if times != 1 else ''}); name it under roles"
            for name, times in unknown.items()
            if spoken(name) not in self._roles and self._asks
        ]
        times = [
            f"{number:,} message{'s have' if number != 1 else ' has'} no {self._columns.time!r} and will count when "
            f"first read; is it {name!r}? see the setting columns"
            for name, number in timeless.items()
            if self._columns.time not in ("", name)
        ]
        columns = [
            f"no message has {getattr(self._columns, part)!r} for the {part}; see the setting columns"
            for part in lacking
            if part in self.named and not (part == "time" and times)
        ]
        return roles + times + columns

    def _miss(self, record: Mapping[str, Any]) -> None:
        used = set(self._columns.model_dump().values())
        name = next((n for n, value in record.items() if n not in used and _MOMENT.match(str(value))), None)
        if name is not None and (name in self.timeless or not self.timeless):
            self.timeless[name] = self.timeless.get(name, 0) + 1

    def _taken(self, name: str) -> str:
        return f"role {name!r} is not known, taken as {self._default_role}"

    def time(self, written: str) -> datetime | None:
        """When that is, in UTC; ``None`` for a date without a time of day.

        :raises Unusable: if it is no time.
        """
        try:
            if self._time_format:
                parsed = datetime.strptime(written, self._time_format)  # noqa: DTZ007 - the zone follows
            else:
                found = guess(written, zoned=self._zoned)
                if found is None:
                    return None
                parsed = found
            moment = self._in_zone(parsed) if parsed.tzinfo is None else parsed.astimezone(UTC)
        except (ValueError, OverflowError, TypeError, IndexError):  # the last two: mail dates
            how = f"the time format {self._time_format!r}" if self._time_format else "a time"
            raise Unusable(
                f"{self._columns.time!r} is {clean(written)[:60]!r}, which is not {how}; see the setting time_format"
            ) from None
        if moment.year > self.now.year + 1:
            raise Unusable(
                f"{self._columns.time!r} is {clean(written)[:60]!r}, which would be in the year {moment.year}; "
                "see the setting time_format"
            )
        return moment

    def _in_zone(self, parsed: datetime) -> datetime:
        """The moment of a time that names no zone.

        In the hour that clocks show twice a year, it is the second one as soon as that may be: while the log grows
        it is, and texts that seemed to be an hour old would raise no alerts.
        """
        local = parsed.replace(tzinfo=self._zone)
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        return second if first < second and second - CLOCKS_DIFFER <= self.now else first


def guess(written: str, *, zoned: bool = False) -> datetime | None:
    """ISO 8601, YYYYMMDDHHMM[SS], seconds, milli-, micro- or nanoseconds since 1970, or a mail header's date.

    ``None`` for a date without a time of day.

    :param zoned: a name that no zone is known by stands for the zone of times that name none.
    :raises ValueError, OverflowError: for anything else.
    """
    if re.fullmatch(r"(19|20)\d{10}(\d\d)?", written):
        return datetime.strptime(written.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone follows
    if re.fullmatch(r"-?\d{9,19}(\.\d{0,9})?|\d\.\d+e\+?1\d", written, re.IGNORECASE):
        seconds = float(written)
        while abs(seconds) >= 1e11:  # the year 5138: no log is from there
            seconds /= 1000
        return EPOCH + timedelta(seconds=seconds)
    try:
        date.fromisoformat(written)
    except ValueError:
        pass
    else:
        return None
    known = plain(written, zoned=zoned)
    try:
        return datetime.fromisoformat(re.sub(r"\s+([+-]\d\d:?\d\d)$", r"\1", known))
    except ValueError:
        return parsedate_to_datetime(re.sub(r"(?<=\d)([+-]\d{4})$", r" \1", known))


_NOTHING: Any = object()


def lookup(record: Mapping[str, Any], column: str) -> Any:
    """The value under ``column``; ``a.b`` also finds ``{"a": {"b": ...}}``."""
    if column in record:
        return record[column]
    value: Any = record
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _NOTHING
        value = value[part]
    return value


def field(record: Mapping[str, Any], column: str) -> str:
    """The value under ``column`` as text, empty where there is none.

    :raises Unusable: for lists and objects.
    """
    value = lookup(record, column) if column else _NOTHING
    if value is _NOTHING or value is None:
        return ""
    if isinstance(value, list | dict):
        raise Unusable(f"{column!r} is {'a list' if isinstance(value, list) else 'an object'}, not a text")
    return clean(str(value))


def listing(names: Mapping[str, Any] | list[str]) -> str:
    """The names, quoted, the first dozen of them."""
    known = [repr(clean(str(name)))[:40] for name in names]
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return (", ".join(known[:12]) or "nothing") + more
