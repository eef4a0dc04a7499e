"""Alerts as JSON, posted to a URL."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from monitor import hookimpl
from monitor.errors import DeliveryError
from monitor.http import OutgoingError, client, fetch, redact, retry_after
from monitor.interfaces import Notifier, Settings
from monitor.types import Notification

if TYPE_CHECKING:
    import httpx

PASSING = {408, 409, 425, 429}
"""Besides 5xx. 409: an earlier attempt with the same key is still being worked on."""


class WebhookSettings(Settings):
    """Where to post."""

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
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[\t -~]*", value):
                raise ValueError(
                    f"{name!r} or its value has characters that a header cannot have (a line break?)"
                )
        return headers


class Webhook(Notifier):
    """Posts ``{key, event, title, body, alert}``, with the key as ``Idempotency-Key`` too.

    Any 2xx status is a delivery. 408, 409, 425, 429, 5xx and network errors pass; other statuses
    do not, and the letter is dead. Redirects are followed where they keep a POST (307 and 308).
    """

    name = "webhook"
    Settings = WebhookSettings

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._client: httpx.Client | None = None

    def send(self, notification: Notification) -> None:
        if self._client is None:
            self._client = client(allow_private=self.settings.allow_private, timeout=self.settings.timeout)
        payload = {
            "key": notification.key,
            "event": notification.event,
            "title": notification.title,
            "body": notification.body,
            "alert": notification.data,
        }
        headers = {
            **self.settings.headers,
            "Content-Type": "application/json",
            "Idempotency-Key": notification.key,
        }
        try:
            answer = fetch(
                self._client,
                self.settings.url,
                method="POST",
                headers=headers,
                content=json.dumps(payload).encode(),
                deadline_s=self.settings.timeout,
            )
        except OutgoingError as error:
            reason = str(error).replace(redact(self.settings.url), self.describe())
            raise DeliveryError(" ".join(reason.split())) from error
        if not answer.ok:
            said = answer.content.decode(errors="replace")
            said = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:200]
            raise DeliveryError(
                f"{self.describe()} answered {answer.status}{': ' + said if said else ''}",
                permanent=answer.status < 500 and answer.status not in PASSING,
                retry_after=retry_after(answer.headers),
            )

    def describe(self) -> str:
        """The host alone: with many services, who knows the path of a hook may post to it."""
        parts = urlsplit(self.settings.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Webhook]
