"""The body of an answer, read within an upper bound.

httpx would inflate a whole chunk at once, and encodings within encodings, so a few hundred bytes
could fill the memory before anything is counted. Hence a decoder of our own, with a bound.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

ERROR_BYTES = 4096
"""What is read of the body of an error."""


def read_body(response: httpx.Response, limit: int) -> bytes:
    """The decompressed body, never more than ``limit`` bytes of it in memory.

    Of an error the first :data:`ERROR_BYTES` at most, as far as they come and can be decoded: status and headers of
    an error say what is to be done, whatever becomes of its body.

    :raises ValueError: the body is larger, ends early, or is not encoded as it says.
    """
    if not response.is_success:
        return _start(response, min(limit, ERROR_BYTES))
    body = bytearray()
    decoder = _Decoder(response.headers.get("content-encoding", ""))
    for chunk in response.iter_raw():
        body += decoder.decode(chunk, limit + 1 - len(body))
        if len(body) > limit:
            raise ValueError(f"the answer is larger than {limit / 2**20:.3g} MiB")
    decoder.finish()
    return bytes(body)


def _start(response: httpx.Response, size: int) -> bytes:
    """The first bytes of an error's body; an error that cannot be read is still that error."""
    import httpx

    body = bytearray()
    try:
        decoder = _Decoder(response.headers.get("content-encoding", ""))
        for chunk in response.iter_raw():
            body += decoder.decode(chunk, size - len(body))
            if len(body) >= size:
                break
    except (ValueError, httpx.TransportError):
        pass
    return bytes(body)


_PACKED = {"gzip", "x-gzip", "deflate"}
_UNASKED = {"br", "zstd", "dcb", "dcz", "compress", "x-compress", "bzip2", "xz", "lzma"}


class _Decoder:
    """Undoes one ``Content-Encoding``, at most so many bytes at a time."""

    def __init__(self, encoding: str) -> None:
        self._name = encoding.strip().lower()
        if self._name in _UNASKED or "," in self._name:
            raise ValueError(f"the answer is encoded as {encoding!r}, which was not asked for")
        # others are no encodings: servers write "none", or a charset
        self._packed = self._name in _PACKED
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32) if self._packed else None
        self._begun = False

    def decode(self, data: bytes, limit: int) -> bytes:
        """Up to ``limit`` bytes; what would go beyond is dropped, for the caller then stops."""
        if self._inflater is None:
            return data[:limit]
        out = bytearray()
        while data and len(out) < limit:
            if self._inflater.eof:  # the next member of the file (RFC 1952, 2.2)
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            out += self._inflate(data, limit - len(out))
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
        return bytes(out)

    def _inflate(self, data: bytes, limit: int) -> bytes:
        assert self._inflater is not None
        first, self._begun = not self._begun, True
        try:
            return self._inflater.decompress(data, limit)
        except zlib.error as error:
            if not (first and self._name == "deflate"):
                raise ValueError(f"the answer is not the {self._name} it says it is") from error
            # Many servers send the bare stream where RFC 9110 asks for the zlib format.
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflate(data, limit)

    def finish(self) -> None:
        """Notice a body that ends in the middle."""
        if self._inflater is not None and self._begun and not self._inflater.eof:
            raise ValueError("the answer ends early")
