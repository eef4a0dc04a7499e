"""Settings of plugins that ask or tell somebody by HTTP."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from monitor.interfaces import Settings

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


def sendable(value: str) -> bool:
    """Whether a header can have this value: one line of printable ASCII (RFC 9110, 5.5, without its old bytes)."""
    return re.fullmatch(r"[\t -~]*", value) is not None


class HttpSettings(Settings):
    """Where to ask or send, and what to send along."""

    url: str = Field(description="an http:// or https:// address")
    headers: dict[str, str] = Field(
        default_factory=dict, description="sent along, such as Authorization", repr=False
    )
    allow_private: bool = Field(False, description="the address may be on a private network, or this machine")
    timeout: float = Field(10.0, gt=0, le=120, description="seconds for the whole request")

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        if not urlsplit(url).hostname:
            raise ValueError("has no host")
        return url

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            # without the value, which may be a secret
            if not re.fullmatch(_NAME, name) or not sendable(value):
                raise ValueError(
                    f"{name!r} or its value has characters that a header cannot have (a line break?)"
                )
        return headers
