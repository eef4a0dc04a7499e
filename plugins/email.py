"""Alerts by e-mail, through an SMTP server of the owner's."""

from __future__ import annotations

import contextlib
import html
import logging
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from monitor import hookimpl
from monitor.errors import DeliveryError, plain
from monitor.interfaces import Notifier, Settings
from monitor.types import PICTURE, Notification, whole

log = logging.getLogger(__name__)

STEPS = 6
"""A conversation has about so many steps; as a whole it may take so many times the time of one."""

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailSettings(Settings):
    """Server, sender and recipients."""

    host: str = Field(min_length=1, description="name of the SMTP server")
    port: int | None = Field(None, ge=1, le=65535, description="unset: 587, 465 or 25, by `security`")
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    timeout: float = Field(
        20.0, gt=0, le=300, description="seconds for each step of the conversation, and a sixth of the whole"
    )

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(address)[1]) or not address.isprintable():
                raise ValueError(f"{address!r} is not an e-mail address")
        return value


class Email(Notifier):
    """Sends one message to all recipients; its ``Message-ID`` is made of the key, the same each time.

    Where the notification has HTML or a picture, the message has the text and an HTML part with the
    picture in it (RFC 2387); mail programs show the one they like better.

    SMTP replies 4xx and network errors pass; 5xx replies do not. Where some recipients are refused
    and others are not, the message counts as delivered, for a repeat would reach those twice.
    """

    name = "email"
    Settings = EmailSettings
    pictures = True

    def send(self, notification: Notification) -> None:
        message = self.message(notification)
        limit = _Limit(STEPS * self.settings.timeout)
        try:
            with limit:
                server = self._connect(limit)
                try:
                    self._log_in(server)
                    refused = server.send_message(message)
                    # It is delivered: whatever happens to the farewell changes nothing.
                    with contextlib.suppress(smtplib.SMTPException, OSError):
                        server.quit()
                finally:
                    server.close()
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError(
                f"{self.describe()}: every recipient was refused ({_replies(error.recipients)})",
                permanent=all(code >= 500 for code, _ in error.recipients.values()),
            ) from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(
                f"{self.describe()} answered {error.smtp_code} {_text(error.smtp_error)}".rstrip(),
                # a line that is too long is no answer of the server's, though smtplib makes one of it
                permanent=error.smtp_code >= 500 and error.smtp_error != "Line too long.",
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise DeliveryError(f"{self.describe()}: {_text(error)}", permanent=True) from error
        except (smtplib.SMTPException, OSError, MessageError) as error:
            reason = f"took longer than {limit.seconds:g} s" if limit.over else _text(error)
            raise DeliveryError(f"{self.describe()}: {reason}") from error
        if refused:
            log.warning("%s: some recipients were refused (%s)", self.describe(), _replies(refused))

    def message(self, notification: Notification) -> EmailMessage:
        """The message of a notification."""
        message = EmailMessage(policy=_Folded())
        message["Subject"] = _text(notification.title)
        message["From"] = self.settings.sender
        message["To"] = ", ".join(self.settings.to)
        domain = parseaddr(self.settings.sender)[1].rpartition("@")[2]
        domain = domain if domain.isascii() else "monitor.invalid"
        message["Message-ID"] = f"<{notification.key}@{domain}>"
        if (moment := _written(notification)) is not None:
            message["Date"] = format_datetime(moment)
        # RFC 3834: whoever is on holiday need not tell an alert
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(whole(notification.body))
        if notification.html or notification.picture:
            _add_html(message, notification, f"picture.{notification.key}@{domain}")
        return message

    def describe(self) -> str:
        return f"{', '.join(self.settings.to)} by {self.settings.host}:{self._port}"

    def _log_in(self, server: smtplib.SMTP) -> None:
        if not self.settings.username:
            return
        try:
            server.login(self.settings.username, self.settings.password.get_secret_value())
        except UnicodeEncodeError:  # its text would quote the password, and so would its cause
            raise DeliveryError(
                f"{self.describe()}: the username or password has characters that are not ASCII",
                permanent=True,
            ) from None

    @property
    def _port(self) -> int:
        return self.settings.port or PORTS[self.settings.security]

    def _connect(self, limit: _Limit) -> smtplib.SMTP:
        host, timeout = self.settings.host, self.settings.timeout
        if self.settings.security == "tls":
            context = ssl.create_default_context()
            return _TlsServer(limit, host, self._port, timeout=timeout, context=context)
        server = _Server(limit, host, self._port, timeout=timeout)
        if self.settings.security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server


class _Folded(EmailPolicy):
    """Folds long subjects that are not ASCII by the older of Python's two ways: the newer one puts blanks
    into words, at least until 3.12.
    """

    def fold(self, name: str, value: str) -> str:
        return self._subject(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self._subject(name, value).encode("ascii") or super().fold_binary(name, value)

    def _subject(self, name: str, value: str) -> str:
        if name.lower() != "subject" or value.isascii():
            return ""
        folded = Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {folded}{self.linesep}"


class _Limit:
    """Ends a conversation that takes too long as a whole: each step of it may come in time, a byte after another."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.over = seconds, False
        self.server: smtplib.SMTP | None = None
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._wait, name="smtp limit", daemon=True)

    def __enter__(self) -> None:
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def _wait(self) -> None:
        pause = self.seconds
        while not self._done.wait(pause):
            self.over, pause = True, 0.1
            # of the connection below TLS: whoever reads it sees its end
            if (made := getattr(self.server, "sock", None)) is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(made, socket.SHUT_RDWR)


class _Server(smtplib.SMTP):
    """Known to its limit before it connects."""

    def __init__(self, limit: _Limit, *given: Any, **more: Any) -> None:
        limit.server = self
        super().__init__(*given, **more)


class _TlsServer(smtplib.SMTP_SSL):
    """Likewise."""

    def __init__(self, limit: _Limit, *given: Any, **more: Any) -> None:
        limit.server = self
        super().__init__(*given, **more)


def _add_html(message: EmailMessage, notification: Notification, name: str) -> None:
    """Add the HTML part; ``name`` is the picture's Content-ID (RFC 2392)."""
    shown = whole(notification.html or f"<pre>{html.escape(notification.body)}</pre>")
    if notification.picture and PICTURE not in shown:
        shown += f'<p><img src="{PICTURE}" alt=""></p>'
    message.add_alternative(shown.replace(PICTURE, f"cid:{name}"), subtype="html")
    if notification.picture:
        part = message.get_payload()[1]
        part.add_related(
            notification.picture, "image", "png", cid=f"<{name}>", filename="alert.png", disposition="inline"
        )


def _written(notification: Notification) -> datetime | None:
    """When it was written, the same for each attempt; for what says no time, that of the attempt."""
    data = notification.data
    evidence = data.get("evidence")
    gathered = evidence.get("at") if isinstance(evidence, Mapping) else None
    moment = gathered or data.get("resolved_at") or data.get("fired_at") or data.get("until")
    return datetime.fromisoformat(moment) if isinstance(moment, str) else notification.at


def _replies(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{address}: {code} {_text(text)}" for address, (code, text) in refused.items())


def _text(value: object) -> str:
    """What a server or an error says, on one line that can be printed and sent."""
    said = (
        value.decode(errors="replace") if isinstance(value, bytes) else plain(value) or type(value).__name__
    )
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    return [Email]
