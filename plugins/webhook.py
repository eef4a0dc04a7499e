"""Alerts as JSON, posted to a URL, signed where the owner has a secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from pydantic import Field, SecretStr, field_validator, model_validator

from monitor import hookimpl
from monitor.errors import DeliveryError
from monitor.http_notifier import HttpNotifier
from monitor.http_settings import HttpSettings
from monitor.interfaces import Notifier
from monitor.types import Notification

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


class WebhookSettings(HttpSettings):
    """Where to post, and what to sign with."""

    secret: SecretStr | None = Field(
        None,
        description="24 to 64 random bytes in base64, with or without whsec_ before them; signs each request",
    )

    old_secret: SecretStr | None = Field(
        None, description="signs as well, while receivers change over to a new `secret`"
    )

    @field_validator("secret", "old_secret")
    @classmethod
    def _usable(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(_key(secret)) not in KEY_BYTES:
            raise ValueError("must be 24 to 64 bytes in base64; `openssl rand -base64 32` makes one")
        return secret

    @model_validator(mode="after")
    def _old_beside_new(self) -> WebhookSettings:
        if self.old_secret is not None and self.secret is None:
            raise ValueError("old_secret goes with a new secret; one alone is secret")
        return self


class Webhook(HttpNotifier):
    """Posts ``{key, event, title, body, alert}``, with the key as ``Idempotency-Key`` too.

    With a ``secret`` every request is signed as Standard Webhooks asks for
    (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
    ``webhook-id`` is the key, ``webhook-timestamp`` the time of the attempt, and
    ``webhook-signature`` an HMAC-SHA256 of both and the body; with an ``old_secret`` a second one by that
    follows, so that receivers may know either.

    Any 2xx status is a delivery. 408, 409, 425, 429, 5xx and network errors pass; other statuses
    do not, and the notification is dead. Redirects are followed where they keep a POST (307 and 308).
    """

    name = "webhook"
    Settings = WebhookSettings

    def send(self, notification: Notification) -> None:
        payload = {
            "key": notification.key,
            "event": notification.event,
            "title": notification.title,
            "body": notification.body,
            "alert": notification.data,
        }
        content = json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.key}
        self.request(headers=headers | self._signature(notification, content), content=content)

    def _signature(self, notification: Notification, content: bytes) -> dict[str, str]:
        if self.settings.secret is None:
            return {}
        if notification.at is None:
            raise DeliveryError(f"{self.describe()}: there is no time to sign the notification with")
        seconds = int(notification.at.timestamp())
        signed = f"{notification.key}.{seconds}.".encode() + content
        secrets = [self.settings.secret, self.settings.old_secret]
        digests = [hmac.new(_key(one), signed, hashlib.sha256).digest() for one in secrets if one is not None]
        return {
            "webhook-id": notification.key,
            "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
        }


def _key(secret: SecretStr) -> bytes:
    """The bytes of a secret; none if it is not base64."""
    try:
        return base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Webhook]
