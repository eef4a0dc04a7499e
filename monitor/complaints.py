"""What failed, said once a minute for as long as it goes on failing."""

from __future__ import annotations

import logging
from datetime import datetime

from monitor.errors import MonitorError


class Complaints:
    """Failures of rounds that come again and again: a full disk fails every second.

    :param log: where they are reported.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._last: dict[str, tuple[str, datetime]] = {}

    def add(self, stage: str, error: BaseException, now: datetime, **where: str) -> None:
        """Report a failure, unless the same was within the last minute.

        :param where: the source or notifier that it is about.
        """
        what = " of ".join([stage, *where.values()])
        said, last = str(error), self._last.get(what)
        # a clock may have been put back meanwhile
        if last is not None and last[0] == said and 0 <= (now - last[1]).total_seconds() < 60:
            return
        self._last[what] = said, now
        if isinstance(error, MonitorError):
            self._log.error("%s failed: %s", what, error, extra=where)
        else:
            self._log.error("%s failed", what, exc_info=error, extra=where)
