"""Tasks in fifty languages, made of what translators wrote for a smart home: which intent is a command?

    pip install home-assistant-intents hassil
    python benchmarks/languages.py OUT
    python benchmarks/fewshot.py OUT --role exam --date 2026-01-31 --depths seeds --draws 2 --results RESULTS

OUT gets a folder for each language, with ``train.jsonl`` and ``test.jsonl`` of sentences drawn from the templates of
its intents, and a ``catalog.toml``. Languages in which a choice about the learner was made have the role
``validation``, the others ``exam``. The sentences are those of the package (CC BY 4.0, home-assistant/intents on
GitHub); it grows, and with it what is drawn. Names of rooms and things are made up, and the labels' names are
English.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

CHOSEN_ON = "ar ca cs da de el en es fi fr hu it ko nl pl pt-BR ro ru sv th uk vi zh-CN"
"""Languages by which the sizes of n-grams, and what words in pieces count, were chosen."""
NAMES = ("Anna", "Sonos", "Philips", "Lidl", "Max", "Bosch", "Ikea", "Garage 2", "Maria", "TV")
SAME = {"ListAddItem", "ListCompleteItem", "ListRemoveItem", "GetState", "Respond", "Nevermind"}
"""Intents that say what others say, or nothing in particular."""
TRAIN, SENTENCES, FEWEST, FEWEST_LABELS, TRIES = 20, 60, 24, 10, 400
_WORDS = re.compile(r"[A-Z][a-z]+")
_BLANKS = re.compile(r"\s+")


def sentence(template: Any, language: Mapping[str, Any], rng: random.Random, depth: int = 0) -> str:
    """One sentence that a parsed template allows; what is nested too deep is left out."""
    from hassil.expression import Alternative, ListReference, Permutation, RuleReference, TextChunk
    from hassil.parse_expression import parse_sentence

    def within(part: Any) -> str:
        return sentence(part, language, rng, depth + 1)

    def parsed(text: str) -> str:
        return within(parse_sentence(text).expression)

    if depth > 12:
        return ""
    if isinstance(template, TextChunk):
        return str(template.original_text)
    if isinstance(template, Alternative):
        return within(rng.choice(template.items))
    if isinstance(template, Permutation):
        return " ".join(map(within, rng.sample(template.items, len(template.items))))
    if isinstance(template, ListReference):
        values = language["lists"].get(template.list_name, {})
        if "values" in values:
            value = rng.choice(values["values"])
            return parsed(value if isinstance(value, str) else str(value["in"]))
        return str(rng.randint(2, 60)) if "range" in values else rng.choice(NAMES)
    if isinstance(template, RuleReference):
        rule = language["expansion_rules"].get(template.rule_name)
        return rng.choice(NAMES) if rule is None else parsed(rule)
    return "".join(map(within, template.items))


def sentences(templates: Sequence[str], language: Mapping[str, Any], rng: random.Random) -> list[str]:
    """Up to :data:`SENTENCES` different ones, in random order."""
    from hassil.parse_expression import parse_sentence

    found: dict[str, None] = {}
    for _ in range(TRIES):
        if len(found) == SENTENCES:
            break
        text = sentence(parse_sentence(rng.choice(templates)).expression, language, rng)
        if len(text := _BLANKS.sub(" ", text).strip()) > 2:
            found[text] = None
    return list(found)


def task(language: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sentences by label, of the intents that have enough of them."""
    rng, by_label = random.Random(0), {}
    for intent, blocks in language["intents"].items():
        if (name := intent.removeprefix("Hass")) in SAME:
            continue
        found = sentences([one for block in blocks["data"] for one in block["sentences"]], language, rng)
        if len(found) >= FEWEST:
            by_label[" ".join(_WORDS.findall(name)).lower()] = found
    return by_label


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
def main(out: Path) -> None:
    """Write a task for each language into the folder OUT."""
    catalog = []
    for file in sorted(files("home_assistant_intents").joinpath("data").iterdir(), key=lambda one: one.name):
        code = file.name.removesuffix(".json")
        by_label = task(json.loads(file.read_text("utf-8")))
        if len(by_label) < FEWEST_LABELS:
            continue
        folder = out / code
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in (("train", slice(TRAIN)), ("test", slice(TRAIN, None))):
            rows = [{"text": text, "label": label} for label, own in by_label.items() for text in own[part]]
            lines = (json.dumps(row, ensure_ascii=False) for row in rows)
            (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        role = "validation" if code in CHOSEN_ON.split() else "exam"
        catalog.append(f'[{code}]\nfamily = "intent"\nrole = "{role}"\nships = false\n')
        click.echo(f"{code:8} {len(by_label)} labels, {sum(map(len, by_label.values()))} sentences")
    (out / "catalog.toml").write_text("\n".join(catalog), "utf-8")
    click.echo(f"{len(catalog)} languages, of home-assistant-intents {version('home-assistant-intents')}")


if __name__ == "__main__":
    main()
