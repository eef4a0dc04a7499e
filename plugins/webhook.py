"""Alerts as JSON, posted to a URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from monitor import hookimpl
from monitor.errors import DeliveryError
from monitor.http import OutgoingError, client, fetch, redact, retry_after
from monitor.interfaces import Notifier, Settings
from monitor.types import Notification

if TYPE_CHECKING:
    import httpx

PASSING = {408, 425, 429}


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
        return url


class Webhook(Notifier):
    """Posts ``{key, event, title, body, alert}``, with the key as ``Idempotency-Key`` too.

    Any 2xx status is a delivery. 408, 425, 429, 5xx and network errors pass; other statuses do
    not, and the letter is dead.
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
                content=json.dumps(payload, ensure_ascii=False).encode(),
                deadline_s=self.settings.timeout,
            )
        except OutgoingError as error:
            raise DeliveryError(str(error)) from error
        if not answer.ok:
            said = " ".join(answer.content.decode(errors="replace").split())[:200]
            raise DeliveryError(
                f"{self.describe()} answered {answer.status}{': ' + said if said else ''}",
                permanent=answer.status < 500 and answer.status not in PASSING,
                retry_after=retry_after(answer.headers),
            )

    def describe(self) -> str:
        return redact(self.settings.url)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Webhook]
