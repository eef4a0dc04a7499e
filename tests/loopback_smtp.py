"""A scripted SMTP server on the loopback interface (RFC 5321, as much of it as tests need).

    with LoopbackSmtp() as server:
        server.replies["RCPT TO:<b@example.com>"] = "550 unknown"

``replies`` maps the beginning of a command (or ``"."``, the end of a message, or ``"CONNECT"``) to
what is answered in place of the usual; an empty answer hangs up. ``messages`` holds what was accepted.
"""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType

from loopback import CERTIFICATE


@dataclass(frozen=True)
class Mail:
    """A message that was accepted, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class LoopbackSmtp:
    """Accepts mail from and to everyone. ``tls``: from the first byte; ``starttls``: offered."""

    def __init__(self, *, tls: bool = False, starttls: bool = False, auth: str = "") -> None:
        self.replies: dict[str, str] = {}
        self.messages: list[Mail] = []
        self.commands: list[str] = []
        self._starttls, self._auth = starttls, auth
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(CERTIFICATE)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    if tls:
                        self.secure()
                    _Conversation(outer, self).hold()
                except OSError:
                    pass  # the client has gone
                finally:
                    self.connection.close()

            def secure(self) -> None:
                self.connection = outer._context.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb", buffering=0)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> LoopbackSmtp:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def extensions(self, secured: bool) -> list[str]:
        offered = ["loopback", "8BITMIME"]
        offered += ["STARTTLS"] if self._starttls and not secured else []
        return offered + (["AUTH PLAIN"] if self._auth else [])

    def admits(self, plain: str) -> bool:
        """Whether AUTH PLAIN's initial response (RFC 4616) holds ``user:password``."""
        return base64.b64decode(plain).decode().split("\0")[1:] == self._auth.split(":")


class _Conversation:
    def __init__(self, server: LoopbackSmtp, handler: socketserver.StreamRequestHandler) -> None:
        self._server, self._handler = server, handler
        self._secured = False
        self._sender = ""
        self._recipients: list[str] = []
        self._accepted = False

    def hold(self) -> None:
        if not self._say("CONNECT", "220 loopback ready"):
            return
        while line := self._handler.rfile.readline():
            command = line.decode("utf-8", "replace").strip()
            self._server.commands.append(command)
            if not self._obey(command) or command.upper() == "QUIT":
                return

    def _say(self, command: str, usual: str) -> bool:
        """Answer; false where the answer was to hang up."""
        replies = self._server.replies.items()
        scripted = (text for start, text in replies if command.upper().startswith(start.upper()))
        answer = next(scripted, usual)
        self._handler.wfile.write(f"{answer}\r\n".encode() if answer else b"")
        self._accepted = answer == usual
        return bool(answer)

    def _obey(self, command: str) -> bool:
        verb = command.split(" ")[0].upper()
        if verb in ("EHLO", "HELO"):
            offered = self._server.extensions(self._secured)
            lines = [f"250-{text}" for text in offered[:-1]] + [f"250 {offered[-1]}"]
            return self._say(command, "\r\n".join(lines))
        if verb == "AUTH":
            admitted = self._server.admits(command.split(" ")[-1])
            return self._say(command, "235 come in" if admitted else "535 wrong password")
        if verb == "STARTTLS":
            alive = self._say(command, "220 go ahead")
            if self._accepted:
                self._handler.secure()  # type: ignore[attr-defined]
                self._secured = True
            return alive
        if verb == "DATA":
            return self._say(command, "354 go on") and (not self._accepted or self._take())
        alive = self._say(command, "221 bye" if verb == "QUIT" else "250 fine")
        if self._accepted and verb == "MAIL":
            self._sender, self._recipients = _address(command), []
        if self._accepted and verb == "RCPT":
            self._recipients.append(_address(command))
        return alive

    def _take(self) -> bool:
        lines = []
        while (line := self._handler.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        alive = self._say(".", "250 kept")
        if self._accepted:
            message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self._server.messages.append(Mail(self._sender, tuple(self._recipients), message))
        return alive


def _address(command: str) -> str:
    return command[command.index("<") + 1 : command.index(">")]
