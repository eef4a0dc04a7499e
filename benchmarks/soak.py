"""Soak: many documents through a running monitor; its memory must not grow.

    python benchmarks/soak.py [--documents 50000] [--out FILE.json]

Starts ``monitor run`` on a configuration of its own, appends made-up chat messages to a log that
it follows, and reads the resident memory of the process. After the first tenth of the documents
its level may grow by less than 5 %; otherwise the exit code is 1. Texts are all different, so
nothing is answered from kept features.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ALLOWED = 0.05
AHEAD = 3000
"""So many documents may wait, as after a feed that brought a lot at once."""

CONFIG = """
database = "soak.db"
[log]
level = "warning"
[[sources]]
plugin = "chatlog"
name = "chats"
every = "1s"
path = "chats/*.jsonl"
[[tasks]]
name = "topic"
adapter = "topic"
roles = ["customer"]
[[tasks]]
name = "sentiment"
adapter = "sentiment"
[[tasks]]
name = "intent"
adapter = "intent"
[[rules]]
name = "bad-news"
kind = "surge"
where = { topic = "*", sentiment = "negative" }
[[rules]]
name = "many"
kind = "threshold"
where = { intent = "*" }
at_least = 50
[[notifiers]]
plugin = "log"
name = "log"
"""

OPENINGS = ["Hello,", "Hi there.", "Good morning!", "Listen,", "Please help:", "So,", "Again:", ""]
MATTERS = [
    "my parcel {n} still has not come", "I was charged {n} euros twice", "the app shows error {n} when I pay",
    "I cannot log in since I changed my password", "please cancel order {n}", "your bank was fined {n} million",
    "I want my {n} euros back", "thanks, ticket {n} was solved in minutes", "let me talk to a person about {n}",
    "what are your opening hours on the {n}th", "your quarterly profit of {n} million is impressive",
    "the card ending in {n} was stolen", "nobody answers ticket {n} for weeks, this is a disgrace",
]  # fmt: skip
ENDINGS = [
    "Thanks.",
    "What now?",
    "I am waiting.",
    "Regards, {who}",
    "This is the last time I ask.",
    "",
    "👍",
]


def messages(rng: np.random.Generator, start: int, count: int) -> str:
    """``count`` lines of a chat log, numbered from ``start``."""
    lines = []
    for n in range(start, start + count):
        parts = [rng.choice(OPENINGS), rng.choice(MATTERS), rng.choice(ENDINGS)]
        parts += [rng.choice(MATTERS) + "." for _ in range(rng.poisson(1.0))]
        text = " ".join(parts).format(n=rng.integers(1, 10**6), who=f"customer {n}").strip()
        lines.append(json.dumps({"id": f"m{n}", "thread": f"t{n // 4}", "role": "customer",
                                 "time": datetime.now(UTC).isoformat(), "text": f"{text} [{n}]"}))  # fmt: skip
    return "".join(line + "\n" for line in lines)


def resident_kb(process: int) -> int:
    """Resident memory of a process in kB (``VmRSS``)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {process} has ended")


def soak(folder: Path, documents: int) -> dict[str, Any]:
    """Run it; returns the figures."""
    (folder / "chats").mkdir()
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    log = folder / "chats" / "log.jsonl"
    log.touch()
    rng = np.random.default_rng(0)
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "--config", str(folder / "config.toml"), "run", "--no-view"]
    )
    samples: list[tuple[int, int]] = []
    written = done = 0
    began = time.monotonic()
    try:
        while done < documents:
            if process.poll() is not None:
                raise RuntimeError(f"the monitor ended with exit code {process.returncode}")
            if written < documents and written - done < AHEAD:
                count = min(500, documents - written)
                with log.open("a", encoding="utf-8") as file:
                    file.write(messages(rng, written, count))
                written += count
            time.sleep(0.5)
            done = classified(folder / "soak.db")
            if not samples or done >= samples[-1][0] + 500:
                samples.append((done, resident_kb(process.pid)))
                print(f"\r{done:7,} of {documents:,} documents, {samples[-1][1] / 1024:.0f} MiB",
                      end="", file=sys.stderr, flush=True)  # fmt: skip
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        print(file=sys.stderr)
    seconds = time.monotonic() - began
    return {
        "documents": done,
        "seconds": round(seconds, 1),
        "documents_per_second": round(done / seconds, 1),
        **growth(samples, documents),
        "samples": samples[:: max(1, len(samples) // 50)],
    }


def growth(samples: list[tuple[int, int]], documents: int) -> dict[str, float]:
    """How the level of memory moved after the first tenth of the documents.

    Freed memory is given back every few seconds, so single samples lie up to a tenth apart. The
    level is a median: of the second tenth, and of the last. The peaks are shown beside.
    """

    def part(first: float, last: float) -> list[int]:
        return [kb for count, kb in samples if first * documents < count <= last * documents]

    start, end = median(part(0.1, 0.2)), median(part(0.9, 1.0))
    return {
        "mib_level_second_tenth": round(start / 1024, 1),
        "mib_level_last_tenth": round(end / 1024, 1),
        "growth": round(end / start - 1, 4),
        "mib_peak_first_tenth": round(max(part(0, 0.1)) / 1024, 1),
        "mib_peak_after": round(max(part(0.1, 1.0)) / 1024, 1),
    }


def classified(database: Path) -> int:
    """How many documents were classified so far."""
    if not database.exists():
        return 0
    with sqlite3.connect(database) as db:
        try:
            return int(db.execute("select count(*) from documents where state = 'classified'").fetchone()[0])
        except sqlite3.OperationalError:  # the schema is not there yet
            return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(Path(folder), options.documents)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({k: v for k, v in figures.items() if k != "samples"}, indent=1))
    return 0 if figures["growth"] < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
