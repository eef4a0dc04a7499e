"""Settings of chat logs."""

from __future__ import annotations

import codecs
import re
from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from monitor import interfaces
from monitor.durations import Duration
from monitor.types import Role
from monitor_plugins._chatlog_records import zone


class Columns(interfaces.Settings):
    """Which field of a record is what; ``a.b`` looks into objects, ``""`` switches one off."""

    text: str = Field(default="text", min_length=1, description="the message")
    id: str = Field(default="id", description="what identifies a message within its thread, in all files")
    thread: str = Field(default="thread", description="what identifies the conversation")
    role: str = Field(default="role", description="who wrote it; see roles")
    time: str = Field(default="time", description="when it was written")
    title: str = Field(default="title", description="the subject")
    url: str = Field(default="url", description="where it can be read")


class ChatlogSettings(interfaces.Settings):
    """Settings of a chat log."""

    path: str | list[str] = Field(
        min_length=1, description="a file, a folder or a pattern such as logs/*.jsonl; or a list of them"
    )
    format: Literal["auto", "jsonl", "csv"] = Field(
        "auto", description='"jsonl", "csv", or "auto": by the name, else by the first character'
    )
    columns: Columns = Field(Columns(), description="which column (or JSON key) is what")
    roles: dict[str, Role] = Field(
        {},
        description="customer, agent or publisher by what the files say, beside the usual words",
    )
    default_role: Role = Field("customer", description="who wrote what has no role, or one that nobody knows")
    unique_ids: bool = Field(
        False, description="an id is one message for ever, in all conversations, however late it comes again"
    )
    time_format: str = Field(
        "", description="as of Python's strptime; empty: ISO 8601, 20250131103000, or seconds since 1970"
    )
    timezone: str = Field(
        default="UTC",
        description="the zone of times that name none, or an unknown one; such as Europe/Berlin",
    )
    encoding: str = Field("utf-8", description="how the files are encoded")
    delimiter: str = Field(
        "", max_length=1, description="between the fields of CSV; empty: comma, semicolon, tab or | as found"
    )
    max_line_bytes: int = Field(
        1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="a longer line (or record of CSV) is put aside"
    )
    settle: Duration = Field(
        3600,
        ge=0,
        description="a last line without newline is read when its file has not changed for so long",
    )
    complete: bool = Field(
        False, description="the files are complete: read a last line without newline at once"
    )
    batch_size: int = Field(500, ge=1, le=5000, description="how many records are handed over at a time")

    @field_validator("time_format")
    @classmethod
    def _known_directives(cls, value: str) -> str:
        try:
            datetime.strptime("", value)  # noqa: DTZ007 - nothing is made of it
        except (ValueError, re.error) as error:
            if isinstance(error, re.error) or not str(error).startswith("time data"):
                raise ValueError(f"{value!r} is no form of times: {error}") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zone(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; write one like UTC or Europe/Berlin") from None
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
            plain = '{"\n,'.encode(value) == b'{"\n,'
        except (LookupError, ValueError):
            raise ValueError(f"{value!r} is no encoding; write one like utf-8, latin-1 or cp1252") from None
        if not plain:
            raise ValueError(f"{value!r} has its own newlines; convert the files to utf-8")
        return value

    @field_validator("delimiter")
    @classmethod
    def _usable_delimiter(cls, value: str) -> str:
        if value in ('"', "\r", "\n"):
            raise ValueError(f"{value!r} cannot stand between fields")
        return value
