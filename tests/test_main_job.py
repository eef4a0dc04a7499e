"""The main job, as a stranger sees it: the sample, the real encoder, the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_sample_raises_an_alert_and_tells_why(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    folder = tmp_path / "sample"
    with shown.open("wb") as out:
        sample = subprocess.Popen(
            [sys.executable, "-m", "sample.run", "--folder", str(folder)],
            cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        # The view, the log and the trends are of three threads: any of them may come last.
        awaited = ("history: ", "ALERT 1: bad-news", "; usually ", "[alert=1]", "the last hour")
        while missing := [
            line for line in awaited if line not in (text := shown.read_text(errors="replace"))
        ]:
            assert sample.poll() is None, text
            assert time.monotonic() < deadline, (missing, text)
            time.sleep(0.5)

        def monitor(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "monitor", "--config", str(folder / "config.toml"), *arguments]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        while monitor("status").returncode != 0 and time.monotonic() < deadline:
            time.sleep(0.5)
        status = monitor("status", "--json")
        assert status.returncode == 0, status.stdout
        [alert, *_] = json.loads(monitor("alerts", "list", "--json").stdout)[::-1]
        assert alert["rule"] == "bad-news"
        assert alert["selection"] == {"topic": "litigation", "sentiment": "negative"}
        assert alert["state"] == "firing"
        assert len(alert["documents"]) >= alert["observed"] >= 5
        documents = json.loads(monitor("documents", "search", "Halvorne", "--json").stdout)
        assert documents
        assert {"id", "source", "external_id", "thread", "role", "title", "text", "url", "published_at",
                "predictions"} <= documents[0].keys()  # fmt: skip
        trends = monitor("trends", "--since", "14d", "--task", "topic", "--by", "sentiment")
        assert "topic=litigation sentiment=negative" in " ".join(trends.stdout.split()) or (
            "sentiment=negative topic=litigation" in " ".join(trends.stdout.split())
        ), trends.stdout
    finally:
        os.killpg(sample.pid, signal.SIGINT)
        try:
            code = sample.wait(60)
        except subprocess.TimeoutExpired:
            sample.kill()
            raise
    assert code == 0, shown.read_text(errors="replace")
    assert monitor("db", "check").returncode == 0
