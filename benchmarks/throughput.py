"""Texts per second against sentence-transformers and logistic regression, same encoder, same texts.

    python benchmarks/throughput.py --date 2026-01-31
    python benchmarks/throughput.py --date 2026-01-31 texts.jsonl

Without an argument it makes texts of mixed length (chat turns, headlines, summaries, articles).
With one it reads the ``text`` of a JSONL file, the lines of any other file, or all such files of
a folder. Both sides run in turns in one process; the claim is the ratio. The peer encodes once
and applies one logistic regression a task, which is the best that can be done with it. A busy machine
blurs the figures (the load is written down); ``OMP_NUM_THREADS=1`` compares single threads. Needs
sentence-transformers (which comes with the encoder's package) and scikit-learn.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import click
import numpy as np

from monitor.learn.adapt import adapt
from monitor.learn.encoder import TransformerEncoder, embedded_folder
from monitor.learn.head import decide, probabilities
from monitor.types import Seed, Task

RESULTS = Path(__file__).parent / "results"
TASKS = {
    "sentiment": ("negative", "neutral", "positive"),
    "topic": ("earnings", "mergers", "litigation", "management change", "economy", "products"),
    "intent": ("complaint", "refund", "cancellation", "billing question", "delivery", "account access"),
}
VIEWS = {"sentiment": "sentiment", "topic": "topic", "intent": "topic"}
"""What each task reads, whatever its made-up seeds would choose: three tasks of three families cost two views."""
LENGTHS = ((0.45, 4, 25), (0.3, 8, 16), (0.2, 30, 90), (0.05, 150, 400))
"""Share, fewest and most words: chat turns, headlines, summaries, articles."""
WORDS = """account agreed airline also amount and answer are back bank because bill board bought business but by
call cancel card charge chief close company complaint cost could customer customers day debt delay deal delivery
did down due earnings economy email executive expected fell fine first for from fund growth had has have help
higher how if in increase inflation interest invoice is it judge just know last late lawsuit loan lower made market
merger million money month more my need never new no not now of offer office on one open or order our out over paid
parcel payment people plan please price product profit quarter question rate rates reached refund regulator reply
reported result rose said sales same second sector sell send service share shares should since so still stock store
strong support take tell than thank that the their then there they third this time to told trade two under until up
us wait waiting want was we week weeks were what when where which who why will with work would year you your"""


def make_texts(count: int, rng: np.random.Generator) -> list[str]:
    """Texts of mixed length, all different."""
    words = WORDS.split()
    kinds = rng.choice(len(LENGTHS), size=count, p=[share for share, _, _ in LENGTHS])
    return [
        " ".join(rng.choice(words, size=rng.integers(LENGTHS[kind][1], LENGTHS[kind][2] + 1)))
        for kind in kinds
    ]


def read_texts(place: Path) -> list[str]:
    """The texts of a file, or of every file in a folder, each once."""
    files = sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]
    texts: list[str] = []
    for file in files:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        texts += [json.loads(line)["text"] for line in lines] if file.suffix == ".jsonl" else lines
    return list(dict.fromkeys(texts))


@click.command()
@click.argument("place", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--date", required=True, help="Today's date, for the log.")
@click.option("--count", default=1000, show_default=True, help="How many texts.")
@click.option("--repeats", default=5, show_default=True, help="Turns of each side.")
def main(place: Path | None, date: str, count: int, repeats: int) -> None:
    """Measure, print and write the ratio of texts per second."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    texts = make_texts(count, rng)
    if place is not None:
        known = read_texts(place)
        texts = [known[i] for i in rng.permutation(len(known))[:count]]
    encoder = TransformerEncoder.shipped()
    peer = SentenceTransformer(str(embedded_folder()), device=encoder.device)

    heads, baselines = [], []
    for name, labels in TASKS.items():
        seeds = [Seed(f"{label} {number}", label) for label in labels for number in range(8)]
        task = Task(name, dict.fromkeys(labels, ""))
        heads.append(
            adapt(
                task,
                seeds,
                encoder.encode,
                encoder_fingerprint=encoder.fingerprint,
                views=["base", VIEWS[name]],
            )
        )
        features = encoder.encode([seed.text for seed in seeds])["base"]
        baselines.append(
            LogisticRegression(C=100, max_iter=1000).fit(features, [seed.label for seed in seeds])
        )

    def ours(tasks: int) -> None:
        features = encoder.encode(texts, sorted({head.view for head in heads[:tasks]}))
        for head in heads[:tasks]:
            decide(head, probabilities(head, features[head.view]))

    def theirs(tasks: int) -> None:
        features = peer.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        for baseline in baselines[:tasks]:
            baseline.predict_proba(features)

    import torch

    threads, busy = torch.get_num_threads(), os.getloadavg()[0]
    apart = float(np.abs(encoder.encode(texts)["base"] - peer.encode(texts, normalize_embeddings=True)).max())
    found = {}
    for tasks in (1, 3):
        times = [(_seconds(ours, tasks), _seconds(theirs, tasks)) for _ in range(repeats)]
        ratio = [peer_took / we_took for we_took, peer_took in times]
        found[str(tasks)] = {
            "ours_texts_per_second": len(texts) / median(took for took, _ in times),
            "peer_texts_per_second": len(texts) / median(took for _, took in times),
            "ratio": {"median": median(ratio), "least": min(ratio), "most": max(ratio)},
        }
        click.echo(
            f"{tasks} task(s): {found[str(tasks)]['ours_texts_per_second']:.0f} texts/s against "
            f"{found[str(tasks)]['peer_texts_per_second']:.0f}: {median(ratio):.2f} times as many "
            f"({min(ratio):.2f} to {max(ratio):.2f} in {repeats} turns)"
        )
    command = "python benchmarks/throughput.py " + " ".join(
        ["TEXTS" if arg == str(place) else arg for arg in sys.argv[1:]]
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    RESULTS.mkdir(exist_ok=True)
    path = (
        RESULTS
        / f"throughput-{date}-{commit.stdout.strip()}-{threads}t{'' if place is None else '-own-texts'}.json"
    )
    report = {
        "what": "texts per second, ours against sentence-transformers + logistic regression, in turns",
        "command": command,
        "date": date,
        "commit": commit.stdout.strip(),
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load_before": busy,
        "device": encoder.device,
        "texts": {
            "count": len(texts),
            "distinct": len(set(texts)),
            "mean_words": float(np.mean([len(text.split()) for text in texts])),
            "kind": "made up, mixed length" if place is None else "own texts",
        },
        "largest_difference_of_features": apart,
        "tasks": found,
    }
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    click.echo(f"repeat it with: {command}\nwritten to {path}")


def _seconds(run: Callable[[int], None], tasks: int) -> float:
    begin = perf_counter()
    run(tasks)
    return perf_counter() - begin


if __name__ == "__main__":
    main()
