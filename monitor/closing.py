"""Letting go of parts, each on its own: one that raises or hangs holds up nothing else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 2.0


def close_all(closes: Mapping[str, Callable[[], object]], within_s: float = CLOSE_WITHIN_S) -> None:
    """Call each of ``closes``, all at once; one that does not return within ``within_s`` seconds is left to itself.

    :param closes: by what is closed, as the log is to call it.
    """

    def close(name: str) -> None:
        try:
            closes[name]()
        except Exception:
            log.exception("%s could not be closed", name)

    until = time.monotonic() + within_s
    threads = {name: threading.Thread(target=close, args=[name], daemon=True) for name in closes}
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            log.warning("%s is not closed after %g s: it is left as it is", name, within_s)
