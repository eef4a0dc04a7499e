"""A tiny catalogue and a tiny model: meta-training in a second, with everything it has."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

INTENT = {
    "cancel": (["cancel", "please stop", "call off", "i no longer want"], ["my order", "the trip", "it all"]),
    "refund": (
        ["refund", "send back the money for", "repay", "i was charged for"],
        ["my order", "the trip", "it"],
    ),
    "password": (["reset", "i forgot", "change", "unlock with"], ["my password", "the login", "my pin"]),
}
TOPIC = {
    "court": (
        ["the judge hears", "a lawyer wins", "a fine ends", "the jury reads"],
        ["a lawsuit", "the case", "an appeal"],
    ),
    "money": (
        ["profit grows with", "shareholders like", "sales bring", "banks expect"],
        ["a dividend", "the bonds", "a rally"],
    ),
    "sport": (
        ["the team loses", "fans cheer", "a striker scores in", "rain stops"],
        ["the match", "a final", "the cup"],
    ),
}
MOOD = {
    "good": (
        ["i love", "we enjoyed", "great work on", "so glad about"],
        ["the room", "this phone", "the food"],
    ),
    "bad": (
        ["i hate", "we regret", "poor work on", "so angry about"],
        ["the room", "this phone", "the food"],
    ),
}
WEATHER = {
    "rain": (["drops fall on", "clouds cover", "umbrellas fill"], ["the town", "the hills", "a harbour"]),
    "sun": (["light warms", "heat dries", "shadows leave"], ["the town", "the hills", "a harbour"]),
}
VOTES = {
    "yes": (["voters back", "most support", "they approve"], ["the law", "a treaty", "the plan"]),
    "no": (["voters reject", "most oppose", "they dismiss"], ["the law", "a treaty", "the plan"]),
}
TASKS = {
    "orders": ("intent", "train", INTENT),
    "desk": ("topic", "train", TOPIC),
    "mood": ("sentiment", "train", MOOD),
    "weather": ("topic", "validation", WEATHER),
    "votes": ("sentiment", "exam", VOTES),
}
SETTINGS = """
steps = {steps}
views = {{ topic = ["topic", "intent"], sentiment = ["sentiment"] }}
rank = {{ topic = 4, sentiment = 4 }}
hold = {{ topic = 1.0 }}
start = 2
texts = 24
warmup = 2
rate = 0.01
check_every = {steps}
save_every = {save_every}
"""


def write_rows(file: Path, rows: Sequence[tuple[str, object]]) -> None:
    """Labelled texts as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows), "utf-8")


def texts_of(label: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    """Every beginning with every end."""
    return [f"{begin} {end}" for begin, end in itertools.product(*label)]


def write_catalog(folder: Path, names: Sequence[str] = tuple(TASKS), heads: Mapping[str, str] = {}) -> Path:
    """A catalogue of the tasks above; ``heads`` replaces what ``catalog.toml`` says of a task."""
    tables = []
    for name in names:
        family, role, labels = TASKS[name]
        head = heads.get(name, f'family = "{family}"\nrole = "{role}"\nships = true\nlicence = "CC0"\n')
        tables.append(f"[{name}]\n{head}")
        rows = {label: texts_of(parts) for label, parts in labels.items()}
        # Every fourth text is for testing.
        write_rows(
            folder / name / "train.jsonl",
            [(t, label) for label, own in rows.items() for i, t in enumerate(own) if i % 4],
        )
        write_rows(
            folder / name / "test.jsonl",
            [(t, label) for label, own in rows.items() for i, t in enumerate(own) if not i % 4],
        )
    (folder / "catalog.toml").write_text("\n".join(tables), "utf-8")
    return folder


def write_settings(file: Path, steps: int = 8, save_every: int = 4, more: str = "") -> Path:
    """Settings of a training of seconds."""
    file.write_text(SETTINGS.format(steps=steps, save_every=save_every) + more, "utf-8")
    return file


@cache
def words() -> tuple[str, ...]:
    """Every word that the tasks have."""
    texts = [t for _, _, labels in TASKS.values() for parts in labels.values() for t in texts_of(parts)]
    return tuple(sorted({word for text in texts for word in re.findall(r"\w+", text)}))


def write_model(folder: Path, layers: int = 4, width: int = 32) -> Path:
    """A BERT with random weights (always the same) that knows the words of the tasks."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: place for place, word in enumerate([*special, *words()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(special)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 96}
    said |= {f"{name}_token": token for name, token in names.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=2 * width,
            max_position_embeddings=96,
            initializer_range=0.2,
        )
    )
    torch.random.set_rng_state(state)
    model.save_pretrained(str(folder))
    return folder
