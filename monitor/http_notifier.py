"""For notifiers that deliver by an HTTP request: settings, the request, and what its failures mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from monitor.errors import DeliveryError
from monitor.http import OutgoingError, Response, client, fetch, redact, retry_after
from monitor.interfaces import Notifier, Settings

if TYPE_CHECKING:
    import httpx

PASSING: Collection[int] = frozenset({408, 409, 425, 429})
"""Statuses that pass besides 5xx. 409: an earlier attempt with the same key is still being worked on."""

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


class HttpSettings(Settings):
    """Where to send, and what to send along."""

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
            if not re.fullmatch(TOKEN, name) or not re.fullmatch(r"[\t -~]*", value):
                raise ValueError(
                    f"{name!r} or its value has characters that a header cannot have (a line break?)"
                )
        return headers


class HttpNotifier(Notifier):
    """Base of notifiers whose settings are :class:`HttpSettings`; keeps one client while it lives."""

    Settings = HttpSettings

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._client: httpx.Client | None = None

    def request(
        self,
        *,
        url: str | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Response:
        """Send one request, and return its answer if that is a 2xx.

        ``url`` is the settings' own unless given. The owner's headers go along; ``headers`` win over
        them. Redirects are followed where they keep the method (307 and 308).

        :raises DeliveryError: 408, 409, 425, 429, 5xx and network errors pass; other statuses do not.
            The message is one line and shows the host alone of the URL, for who knows the path of a
            hook may post to it.
        """
        if self._client is None:
            self._client = client(allow_private=self.settings.allow_private, timeout=self.settings.timeout)
        url = url or self.settings.url
        sent = {name.lower(): value for name, value in self.settings.headers.items()}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        try:
            answer = fetch(
                self._client,
                url,
                method=method,
                headers=sent,
                content=content,
                deadline_s=self.settings.timeout,
            )
        except OutgoingError as error:
            reason = str(error).replace(redact(url), self.describe())
            raise DeliveryError(" ".join(reason.split())) from error
        if not answer.ok:
            said = answer.content.decode(errors="replace")
            said = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:200]
            raise DeliveryError(
                f"{self.describe()} answered {answer.status}{': ' + said if said else ''}",
                permanent=answer.status < 500 and answer.status not in PASSING,
                retry_after=retry_after(answer.headers),
            )
        return answer

    def describe(self) -> str:
        """Scheme and host alone."""
        parts = urlsplit(self.settings.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
