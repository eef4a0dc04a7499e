"""The beat of rounds, which keeps going whatever becomes of the machine's clock.

APScheduler goes by that clock. An interval of its own would, after a sleep or a clock that was set forward, make
up a list of every beat in between (a month of them takes hundreds of megabytes), and after a clock that was set
back would stand still for as long as that.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger

SLACK = timedelta(seconds=2)


class Beat(BaseTrigger):  # type: ignore[misc]
    """Every so many seconds; beats that were missed are one."""

    def __init__(self, seconds: float) -> None:
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next beat: one that is over is not it."""
        if previous_fire_time is None:
            return now
        following = previous_fire_time + self.interval
        return following if following > now else now + self.interval


def follow_clock(scheduler: BaseScheduler, now: datetime) -> None:
    """Let rounds whose next beat is further away than their interval go on at once: the clock was set back.

    :param scheduler: whose jobs all have a :class:`Beat`.
    """
    for job in scheduler.get_jobs():
        if job.next_run_time is not None and job.next_run_time > now + job.trigger.interval + SLACK:
            job.modify(next_run_time=now)
