"""Starts the monitor on the sample: ``python -m sample.run``."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sample import history, live
from sample.feed import Feed
from sample.folder import FolderRefused, fresh
from sample.server import NewsServer
from sample.texts import FOLDER, Conversation, read_companies, read_conversations, read_news, unconcerned

ROOT = FOLDER.parent
FRESH_NEWS, FRESH_CHATS = 45, 0.25
"""How many calm items, and what share of the conversations, are kept for the time after the start."""
GRACE = 30.0
"""Seconds that the monitor has to stop in, once told to."""

INTRODUCTION = """\
The monitor starts on a sample: {days} days of invented finance news and support chats as history,
then a news feed on {url} and a growing chat log.
In about a minute a wave of bad news about one bank comes in. Ctrl-C stops everything.

While it runs, try in a second terminal:
  {monitor} --config {config} trends
  {monitor} --config {config} alerts list
  {monitor} --config {config} documents search probe

To go on with feeds and labels of your own, edit config.toml, then:
  {monitor} --config config.toml run
"""


class Chats:
    """The chat log: a finished file, and one that grows as its programme says."""

    def __init__(
        self, folder: Path, programme: Iterator[tuple[float, tuple[int, int, Conversation]]]
    ) -> None:
        folder.mkdir()
        self._past, self._growing = folder / "history.jsonl", folder / "live.jsonl"
        self._programme = programme
        self._next = next(programme)

    def write_history(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write the finished file and an empty growing one."""
        self._past.write_text("".join(map(_json, lines)), encoding="utf-8")
        self._growing.touch()

    def write_due(self, started: datetime, now: datetime) -> None:
        """Append the turns that are due at ``now``."""
        lines = []
        while (at := started + timedelta(seconds=self._next[0])) <= now:
            thread, turn, conversation = self._next[1]
            lines.append(_json(history.chat_line(thread, turn, conversation, at)))
            self._next = next(self._programme)
        if lines:
            with self._growing.open("a", encoding="utf-8") as log:
                log.writelines(lines)


def prepare(folder: Path, seed: int, now: datetime) -> tuple[Feed, Chats]:
    """Write the chat log into ``folder`` and make the feed, with a history that ends at ``now``.

    The same ``seed`` and ``now`` give the same texts at the same times.
    """
    rng = np.random.default_rng(seed)
    news, conversations = read_news(), read_conversations()
    past, still_to_come = history.share_out(rng, news, FRESH_NEWS)
    wave = [item for item in news if item.wave]
    programme = live.news(rng, still_to_come, past, wave, unconcerned(read_companies(), news))
    feed = Feed(history.dated_news(rng, past, now), programme)

    mixed = [conversations[index] for index in rng.permutation(len(conversations))]
    kept = round(FRESH_CHATS * len(mixed))
    chats = Chats(
        folder / "chats", live.chats(rng.spawn(1)[0], mixed[:kept], mixed[kept:], len(mixed) - kept + 1)
    )
    chats.write_history(history.dated_chats(rng, mixed[kept:], now))
    return feed, chats


def listen() -> list[int]:
    """From now on, signals that ask to stop are noted in the returned list."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: told.append(received))
    return told


def attend(
    child: subprocess.Popen[bytes], feed: Feed, chats: Chats, told: list[int], duration: float | None
) -> int:
    """Keep the chat log growing and pass signals on until ``child`` ends; its exit code.

    ``told``: signals to pass on. ``duration``: seconds after which the child is told to stop;
    ``None`` waits for a signal.
    """
    ends = time.monotonic() + duration if duration is not None else None
    killed_at: float | None = None
    while True:
        try:
            code = child.wait(timeout=0.2)
            # As a shell reports a child that a signal ended.
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            pass
        if ends is not None and time.monotonic() >= ends:
            ends = None
            told.append(signal.SIGTERM)
        while told:
            # A closed terminal stops the monitor, to which SIGHUP alone means another thing.
            child.send_signal(signal.SIGINT if told.pop(0) == signal.SIGINT else signal.SIGTERM)
            killed_at = killed_at or time.monotonic() + GRACE
        if killed_at is not None and time.monotonic() >= killed_at:
            child.kill()
        if feed.started is not None:
            chats.write_due(feed.started, datetime.now(UTC))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sample; returns the exit code."""
    options = _options(arguments)
    told = listen()
    try:
        with fresh(options.folder) as folder:
            feed, chats = prepare(folder, options.seed, datetime.now(UTC))
            with NewsServer(feed, lambda: datetime.now(UTC)) as server:
                config = folder / "config.toml"
                shipped = (FOLDER / "config.toml").read_text(encoding="utf-8")
                config.write_text(shipped.replace(":PORT/", f":{server.port}/"), encoding="utf-8")
                names = {
                    "monitor": _short(Path(sys.executable).with_name("monitor")),
                    "config": _short(config),
                }
                print(INTRODUCTION.format(days=history.DAYS, url=server.url, **names), flush=True)
                command = [sys.executable, "-m", "monitor", "--config", str(config), "run", "--view"]
                # A process group of its own: Ctrl-C reaches the monitor once, through us.
                with subprocess.Popen(command, process_group=0) as child:
                    code = attend(child, feed, chats, told, options.duration)
        if (options.folder / "monitor.db").exists():
            print(
                f"\nThe sample has stopped; its database stays in {_short(options.folder)} until the next start."
            )
        return code
    except FolderRefused as refusal:
        print(f"Error: {refusal}", file=sys.stderr)
        return 2


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sample.run", description="Start the monitor on a sample."
    )
    parser.add_argument(
        "--duration", type=float, metavar="SECONDS", help="stop after so long (default: on Ctrl-C)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="another seed, another history (default: %(default)s)"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "sample", help="where to work (default: var/sample)"
    )
    return parser.parse_args(arguments)


def _short(path: Path) -> str:
    """A path as one would type it here."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _json(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
