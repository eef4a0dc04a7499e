"""Alerts through the library apprise: Slack, Teams, Discord, Telegram, and a hundred others."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator

from monitor import hookimpl
from monitor.errors import DeliveryError
from monitor.interfaces import Notifier, Settings
from monitor.types import Notification, whole

MISSING = "needs the library apprise: run `pip install 'monitor[apprise]'`"
KINDS = {"firing": "warning", "resolved": "success"}
"""What a service makes of an event; anything else is information."""


class AppriseSettings(Settings):
    """Which service, and how long it may take."""

    url: SecretStr = Field(
        description="an address as https://github.com/caronc/apprise/wiki lists them, such as slack://..."
    )
    timeout: float = Field(30.0, gt=0, le=300, description="seconds for a whole delivery")

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        # where apprise is not installed, notifications wait and say so: the configuration is not at fault
        if find_spec("apprise") is not None and _service(url) is None:
            raise ValueError(
                f"is no address that apprise understands (it begins with {_scheme(url)}); "
                "https://github.com/caronc/apprise/wiki lists them"
            )
        return url


class Apprise(Notifier):
    """Sends title and text, and the picture where the service takes attachments.

    apprise says whether it worked, not whether it can ever work, so every failure passes. There is no
    place for a key: delivery is at least once. One address a notifier, so that a
    repeat reaches nobody who was reached. Requests are apprise's own: they go to whatever the address names.
    """

    name = "apprise"
    Settings = AppriseSettings
    pictures = True

    def __init__(self, settings: Any, base: Path) -> None:
        super().__init__(settings, base)
        self._sender: Any = None

    def send(self, notification: Notification) -> None:
        if find_spec("apprise") is None:
            raise DeliveryError(f"{self.describe()} {MISSING}")
        import apprise
        from apprise.attachment.memory import AttachMemory

        if self._sender is None:
            self._sender = apprise.Apprise(asset=_asset())
            self._sender.add(_service(self.settings.url))
        picture = None
        if notification.picture:
            picture = AttachMemory(content=notification.picture, name="alert.png", mimetype="image/png")
        with apprise.LogCapture(level=apprise.logging.WARNING) as said:
            worked = self._sender.notify(
                title=whole(notification.title),
                body=whole(notification.body) or whole(notification.title),
                notify_type=KINDS.get(notification.event, "info"),
                body_format="text",
                attach=picture,
                timeout=self.settings.timeout,
            )
            reason = " ".join(said.getvalue().split())
        if not worked:
            raise DeliveryError(f"{self.describe()} did not take it{': ' + reason[-300:] if reason else ''}")

    def describe(self) -> str:
        """The kind of service alone, for the rest of the address is a secret."""
        return f"{_scheme(self.settings.url)} by apprise"


def _asset() -> Any:
    import apprise

    # nothing is written to disk, and no plugin of apprise's is loaded from it
    return apprise.AppriseAsset(app_id="monitor", app_desc="monitor", storage_mode="memory", plugin_paths=[])


def _service(url: SecretStr) -> Any:
    """apprise's own object for an address; ``None`` if it does not understand it."""
    import apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its services are loaded by the first use
        return apprise.Apprise.instantiate(url.get_secret_value(), asset=_asset())


def _scheme(url: SecretStr) -> str:
    scheme, separator, _ = url.get_secret_value().partition("://")
    return f"{scheme[:20]}://" if separator and scheme.isalnum() else "something else"


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Apprise]
