"""Outgoing HTTP for plugins: guarded, bounded, and with one clear line when it fails.

A program that fetches addresses other people write down can be sent into its owner's own network.
So :func:`client` connects to public addresses only, unless ``allow_private`` is given; the check
is made on the very address that is dialled (a name that resolves differently the second time gains
nothing), for every redirect anew. Proxies from the environment are not used. :func:`fetch` bounds
the answer in bytes (after decompression) and in time (as a whole, headers included).

httpx itself loads at the first call, so importing this module costs nothing.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from monitor import __version__
from monitor.errors import LONGEST_ASKED_S, MonitorError, plain
from monitor.http_body import read_body

if TYPE_CHECKING:
    import httpx

USER_AGENT = f"monitor/{__version__}"
MAX_REDIRECTS = 5

DEADLINE = "monitor.deadline"
"""Request extension: the :func:`time.monotonic` instant at which a request is given up."""

_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&#]*(?:key|token|secret|passw|auth|sig|access)[^=&#]*=)[^&#]+")
# What may follow a redirect to another host: nothing that identifies the owner.
_HARMLESS_HEADERS = {"accept", "content-type", "idempotency-key", "if-modified-since", "if-none-match"}


class OutgoingError(MonitorError):
    """A request got no usable answer. The message names the URL, without its credentials.

    ``permanent``: somebody has to mend something first; otherwise the next request may get one.
    """

    permanent = False


class AddressRefused(OutgoingError):
    """The host has a private address, and ``allow_private`` was not given."""

    permanent = True


class CertificateRefused(OutgoingError):
    """The host's certificate cannot be trusted, or is not its own, or is too old."""

    permanent = True


@dataclass(frozen=True)
class Response:
    """An answer read to its end. Header names are lower-case; ``url`` is the last one asked."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


def client(
    *, allow_private: bool = False, timeout: float = 10.0, user_agent: str = USER_AGENT
) -> httpx.Client:
    """An ``httpx.Client`` that connects to public addresses only, unless ``allow_private``.

    ``timeout`` (seconds) is for each step: connecting, and each wait for bytes. Redirects are not
    followed unless asked for (:func:`fetch` does). Close it when done.
    """
    import httpx

    from monitor.http_transport import GuardedTransport

    return httpx.Client(
        transport=GuardedTransport(allow_private=allow_private),
        timeout=timeout,
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"},
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
    )


def fetch(
    client: httpx.Client,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    limit_bytes: int = 15 * 2**20,
    deadline_s: float = 30.0,
) -> Response:
    """Send one request, follow its redirects, and read the answer to its end.

    Every status is an answer; only the first 4 KiB of an error's body are read. Credentials in the
    URL become basic authentication. Up to 5 redirects are followed (for a method other than GET
    only 307 and 308, which keep it); on the way to another host everything that identifies the
    owner is left out. Raises :class:`OutgoingError`.
    """
    import httpx

    deadline = time.monotonic() + deadline_s
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    trail: list[str] = []
    where = url
    try:
        while True:
            where, login = _take_credentials(where)
            if login:
                sent.setdefault("authorization", login)
            trail.append(where)
            request = client.build_request(
                method, where, headers=sent, content=content, extensions={DEADLINE: deadline}
            )
            try:
                response = client.send(request, stream=True, follow_redirects=False)
            except httpx.InvalidURL as error:  # it looks at the Location, whether it is to follow it or not
                raise ValueError("redirects to what is no address") from error
            try:
                followed = _redirection(response, method)
                if followed is None:
                    lower = {name.lower(): value for name, value in response.headers.items()}
                    body = read_body(response, limit_bytes)
                    return Response(response.status_code, lower, body, where)
            finally:
                response.close()
            if len(trail) > MAX_REDIRECTS:
                raise OutgoingError(_too_many_redirects([*trail, followed]))
            if not _keeps_owner(where, followed):
                sent = {name: value for name, value in sent.items() if name in _HARMLESS_HEADERS}
            where = followed
    except AddressRefused as error:
        raise AddressRefused(f"{_route(url, where)}: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        if time.monotonic() >= deadline:
            reason = f"took longer than {deadline_s:g} s"
        elif isinstance(error, httpx.TimeoutException):
            reason = "did not answer in time"
        else:
            reason = plain(error) or type(error).__name__
        kind = CertificateRefused if _of_certificate(error) else OutgoingError
        raise kind(f"{_route(url, where)}: {reason}") from error


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), or ``None``.

    A date counts from the answer's own ``Date`` header, so that no two clocks are compared, or
    from ``now`` where that is missing. At least 0, at most 48 hours.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,12}", value):
        return min(float(value), LONGEST_ASKED_S)
    then = _http_date(value)
    start = _http_date(headers.get("date", "")) or now
    if then is None or start is None:
        return None
    return min(max((then - start).total_seconds(), 0.0), LONGEST_ASKED_S)


def redact(url: str) -> str:
    """The URL without user, password, and the values of parameters that look like secrets."""
    try:
        parts = urlsplit(url)
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:  # not a URL at all, so nothing can be told apart in it
        shown = re.sub(r"//[^/]*@", "//", url)
    return _SECRET_PARAMETER.sub(r"\1***", shown)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Private, loopback, link-local, multicast, shared (RFC 6598) and reserved ones do not. IPv4
    inside IPv6 (mapped, 6to4, NAT64 of RFC 6052) is judged by the IPv4 address it leads to.
    """
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in ipaddress.IPv6Network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
        elif ip.is_site_local or ip in ipaddress.IPv6Network("64:ff9b:1::/48"):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def private_host(url: str) -> str:
    """The host of a URL if it is a private address as it stands, or this machine by name; otherwise ``""``.

    Other names are known once they are asked for.
    """
    host = urlsplit(url).hostname or ""
    if f".{host.rstrip('.')}".endswith(".localhost"):
        return host
    try:
        return "" if is_public(host) else host
    except ValueError:  # a name
        return ""


def _take_credentials(url: str) -> tuple[str, str | None]:
    """The URL without credentials (so that no log shows them), and their Authorization header."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("only http:// and https:// addresses can be fetched")
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), basic_auth(unquote(user), unquote(password))


def basic_auth(username: str, password: str) -> str:
    """The value of an ``Authorization`` header (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _route(url: str, where: str) -> str:
    first, last = redact(url), redact(where)
    return first if first == last else f"{first} (redirected to {last})"


def _redirection(response: httpx.Response, method: str) -> str | None:
    followed = {301, 302, 303, 307, 308} if method == "GET" else {307, 308}
    location = response.headers.get("location", "")
    if response.status_code not in followed or not location:
        return None
    return str(response.url.join(location))


def _keeps_owner(old: str, new: str) -> bool:
    """Whether credentials may go along: to the same host, port and scheme, or its https."""
    a, b = urlsplit(old), urlsplit(new)
    if (a.scheme, a.netloc) == (b.scheme, b.netloc.rpartition("@")[2]):
        return True
    upgraded = (a.scheme, b.scheme) == ("http", "https") and (a.port or 80, b.port or 443) == (80, 443)
    return upgraded and a.hostname == b.hostname


def _of_certificate(error: BaseException | None) -> bool:
    """Whether a certificate is behind an error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _too_many_redirects(trail: list[str]) -> str:
    shown = [redact(url) for url in trail]
    if len(set(trail)) < len(trail):
        start = next(i for i, url in enumerate(trail) if url in trail[i + 1 :])
        end = trail.index(trail[start], start + 1)
        return f"{shown[0]}: redirects in a loop ({' -> '.join(shown[start : end + 1])})"
    return f"{shown[0]}: redirects more than {MAX_REDIRECTS} times (last to {shown[-1]})"


def _http_date(value: str) -> datetime | None:
    try:
        then = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)
