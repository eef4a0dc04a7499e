"""The built-in task adapters: their labels, their seeds, and what they read."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.learn.adapt import adapt
from monitor.learn.head import decide, probabilities
from monitor.learn.support import labelled
from monitor.seedfile import read_seeds
from monitor.testing import check_task_adapter
from monitor.types import NO_LABEL, StoredDocument, Task, folded
from monitor_plugins import intent, labels, sentiment, topic
from monitor_plugins.encoders import MiniLm

MODULES = {"topic": topic, "sentiment": sentiment, "intent": intent, "labels": labels}
WITH_SEEDS = ["topic", "sentiment", "intent"]
NOW = datetime(2024, 5, 1, tzinfo=UTC)


def make(name, **settings):
    [adapter] = MODULES[name].register_task_adapters()
    assert adapter.name == name
    return adapter(settings=adapter.Settings(**settings), base=Path())


def document(role, title="A headline", text="A summary."):
    return StoredDocument(
        id=1,
        source="s",
        external_id="1",
        thread="",
        role=role,
        title=title,
        text=text,
        url="",
        published_at=NOW,
        fetched_at=NOW,
        event_at=NOW,
        live=True,
    )


@pytest.mark.parametrize("name", WITH_SEEDS)
def test_every_label_has_a_one_line_phrase_and_enough_seeds(name):
    adapter = make(name)
    counts = Counter(seed.label for seed in labelled(adapter.seeds()))
    assert counts.keys() == adapter.labels().keys()
    for label, description in adapter.labels().items():
        assert label.replace("_", "").isalpha(), label
        assert label.islower(), label
        assert 8 <= len(description.split()) <= 24, label
        assert "\n" not in description
        assert counts[label] >= 16, label


@pytest.mark.parametrize("name", WITH_SEEDS)
def test_seed_files_are_whole_and_fairly_balanced_and_repeat_nothing(name):
    seeds, bad = read_seeds(files("monitor_plugins") / "seeds" / f"{name}.csv")
    assert bad == []
    counts = Counter(seed.label for seed in labelled(seeds))
    assert max(counts.values()) <= 2.5 * min(counts.values())
    texts = [(folded(seed.text), make(name).multi and seed.label) for seed in seeds]
    assert len(set(texts)) == len(texts)
    none = {folded(seed.text) for seed in seeds if seed.label == NO_LABEL}
    assert none.isdisjoint(folded(seed.text) for seed in labelled(seeds))


def test_sentiment_learns_from_those_whom_it_reads():
    both = make("sentiment").seeds()
    news, customers, agents = (
        make("sentiment", roles=[role]).seeds() for role in ("publisher", "customer", "agent")
    )
    curt, bad = read_seeds(files("monitor_plugins") / "seeds" / "sentiment_curt.csv")
    assert bad == []
    assert min(Counter(seed.label for seed in curt).values()) >= 150
    assert sorted([*news, *customers], key=str) == sorted([*both, *curt], key=str)
    assert {folded(seed.text) for seed in news}.isdisjoint(folded(seed.text) for seed in customers)
    assert agents == customers
    assert make("sentiment", roles=["customer", "publisher"]).seeds() == both


@pytest.mark.parametrize("name", WITH_SEEDS)
def test_seeds_do_not_give_their_label_away(name):
    """Most seeds must be recognisable without the label's own name in them."""
    adapter = make(name)
    for label in adapter.labels():
        texts = [seed.text.lower() for seed in adapter.seeds() if seed.label == label]
        phrase = label.replace("_", " ")
        assert not any(text.startswith((f"{phrase}:", f"{label}:")) for text in texts), label
        assert sum(phrase in text for text in texts) <= len(texts) / 2, label


def test_families_and_multi():
    assert {name: (make(name).family, make(name).multi) for name in MODULES} == {
        "topic": ("topic", True),
        "sentiment": ("sentiment", False),
        "intent": ("intent", False),
        "labels": ("", False),
    }


def test_labels_brings_nothing_of_its_own():
    assert not make("labels").labels()
    assert not make("labels").seeds()


@pytest.mark.parametrize(
    ("name", "read_by_default"),
    [
        ("topic", {"publisher"}),
        ("sentiment", {"publisher", "customer"}),
        ("intent", {"customer"}),
        ("labels", {"publisher", "customer", "agent"}),
    ],
)
def test_each_adapter_reads_headline_and_summary_of_its_roles(name, read_by_default):
    for role in ("publisher", "customer", "agent"):
        expected = "A headline\nA summary." if role in read_by_default else None
        assert make(name).read(document(role)) == expected
        assert make(name, roles=[role]).read(document(role)) == "A headline\nA summary."
        others = [other for other in ("publisher", "customer", "agent") if other != role]
        assert make(name, roles=others).read(document(role)) is None


@pytest.mark.parametrize("name", MODULES)
def test_a_document_without_words_is_not_read(name):
    roles = ["publisher", "customer", "agent"]
    assert make(name, roles=roles).read(document("customer", title=" ", text="\n")) is None
    assert make(name, roles=roles).read(document("customer", title="", text="ok")) == "ok"


def test_labels_reads_the_part_it_is_told_to():
    assert make("labels", read="title").read(document("agent")) == "A headline"
    assert make("labels", read="text").read(document("agent")) == "A summary."
    assert make("labels", read="title").read(document("agent", title=" ")) is None
    assert make("labels", read="text").read(document("agent", text="")) is None


@pytest.mark.parametrize("name", MODULES)
def test_settings_that_make_no_sense_are_refused(name):
    for wrong in ({"roles": []}, {"roles": ["editor"]}, {"rolls": ["agent"]}):
        with pytest.raises(ValidationError):
            make(name, **wrong)


@pytest.mark.parametrize("name", MODULES)
def test_adapters_keep_the_contract(name):
    check_task_adapter(make(name))


@pytest.fixture(scope="module")
def encoder():
    encoder = MiniLm(MiniLm.Settings(device="cpu"), Path())
    yield encoder
    encoder.close()


def learned(encoder, adapter, seeds):
    """A head of an adapter's task."""
    task = Task(adapter.name, adapter.labels(), family=adapter.family, multi=adapter.multi)
    return adapt(
        task, seeds, encoder.encode, encoder_fingerprint="", views=encoder.views, prior=encoder.prior
    )


# With the embedded encoder these were 0.75 and 0.82, 0.67 and 0.70, 0.63 and 0.77; the
# floors leave room for another learner, not for broken seeds.
@pytest.mark.parametrize(
    ("name", "from_names", "from_seeds"),
    [("topic", 0.66, 0.73), ("sentiment", 0.56, 0.62), ("intent", 0.55, 0.70)],
)
def test_shipped_labels_and_seeds_tell_unseen_texts_apart(encoder, name, from_names, from_seeds):
    """Each quarter of some seeds is labelled from the other three, and from the names alone."""
    adapter = make(name)
    own = defaultdict(set)  # a text of several topics is told right by any of them
    for seed in labelled(adapter.seeds()):
        own[seed.text].add(seed.label)
    seeds = labelled(adapter.seeds())[::4]
    rows = {}
    task = Task(name, adapter.labels(), adapter.family, adapter.multi)

    def encode(texts, views):
        fresh = [text for text in texts if text not in rows]
        found = encoder.encode(fresh, encoder.views)
        rows.update({text: {view: found[view][n] for view in found} for n, text in enumerate(fresh)})
        return {view: np.stack([rows[text][view] for text in texts]) for view in views}

    def right(support, queries):
        head = adapt(
            task,
            support,
            encode,
            encoder_fingerprint=encoder.fingerprint,
            views=encoder.views,
            prior=encoder.prior,
        )
        features = encode([seed.text for seed in queries], [head.view])[head.view]
        guesses = probabilities(head, features).argmax(axis=1)
        return sum(head.labels[guess] in own[seed.text] for guess, seed in zip(guesses, queries, strict=True))

    quarters = defaultdict(list)
    seen = Counter()
    for seed in seeds:
        quarters[seen[seed.label] % 4].append(seed)
        seen[seed.label] += 1
    assert right([], seeds) / len(seeds) >= from_names
    others = {q: [seed for p in quarters if p != q for seed in quarters[p]] for q in quarters}
    assert sum(right(others[q], quarters[q]) for q in quarters) / len(seeds) >= from_seeds


ABROAD = {
    "sentiment": {
        "Der Kundendienst ist eine Frechheit, ich bin maßlos enttäuscht": "negative",
        "Le livreur était adorable et tout est arrivé en avance, merci !": "positive",
        "La empresa se hunde en bolsa tras perder su mayor cliente": "negative",
        "Spółka podnosi prognozę po rekordowym kwartale": "positive",
        "Сервис ужасный, деньги так и не вернули": "negative",
        "质量非常好，客服很有耐心，推荐！": "positive",
        "最悪の対応でした。二度と利用しません。": "negative",
    },
    "intent": {
        "Wo bleibt mein Paket? Es sollte gestern ankommen.": "delivery",
        "Je n'arrive plus à me connecter, mot de passe oublié": "account_access",
        "Quiero que me devuelvan el dinero": "refund",
        "Ich möchte meinen Vertrag kündigen": "cancellation",
    },
    "topic": {
        "Staatsanwalt klagt die Bank wegen Geldwäsche an": "litigation",
        "Une cyberattaque paralyse les systèmes du distributeur": "cyber",
        "El beneficio trimestral sube un 20 % y supera las previsiones": "earnings",
    },
}


NONE = {
    "intent": [
        "twenty to six would be fine",
        "I have changed my surname",
        "could you put me down as a second driver",
    ],
    "topic": ["Village elects its first woman mayor", "Theatre director named for the festival"],
}


@pytest.mark.parametrize("name", NONE)
def test_what_carries_none_of_the_shipped_labels_is_refused_thanks_to_examples(encoder, name):
    adapter = make(name)

    def refused(seeds):
        head = learned(encoder, adapter, seeds)
        rows = encoder.encode(NONE[name], (head.view,))[head.view]
        return [said[0].abstained for said in decide(head, probabilities(head, rows))]

    assert all(refused(adapter.seeds()))
    assert not any(refused(labelled(adapter.seeds())))


CURT = {
    "negative": ["third ticket, still nothing", "your app ate my order", "refused boarding over a hyphen"],
    "positive": ["never any trouble with you lot", "no faults found in ten years", "sorted, you star"],
}


def test_who_reads_customers_alone_reads_curt_messages_rightly(encoder):
    adapter = make("sentiment", roles=["customer"])
    head = learned(encoder, adapter, adapter.seeds())
    for label, texts in CURT.items():
        rows = encoder.encode(texts, (head.view,))[head.view]
        said = [head.labels[place] for place in probabilities(head, rows).argmax(axis=1)]
        assert said == [label] * len(texts)


@pytest.mark.parametrize("name", WITH_SEEDS)
def test_english_seeds_tell_texts_in_other_languages(encoder, name):
    adapter = make(name)
    head = learned(encoder, adapter, adapter.seeds())
    rows = encoder.encode(list(ABROAD[name]), (head.view,))[head.view]
    said = [head.labels[place] for place in probabilities(head, rows).argmax(axis=1)]
    assert dict(zip(ABROAD[name], said, strict=True)) == ABROAD[name]
