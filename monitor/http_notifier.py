"""For notifiers that deliver by an HTTP request, and what its failures mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from monitor.errors import DeliveryError
from monitor.http import OutgoingError, Response, client, fetch, redact, retry_after
from monitor.http_settings import HttpSettings
from monitor.interfaces import Notifier

if TYPE_CHECKING:
    import httpx

PASSING: Collection[int] = frozenset({408, 409, 425, 429})
"""Statuses that pass besides 5xx. 409: an earlier attempt with the same key is still being worked on."""


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
