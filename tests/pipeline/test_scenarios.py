"""What happens in a bank's support and in the news about it, read by the real classifier: who is notified of what?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scenario import Scenario

from monitor.interfaces import Encoder
from monitor_plugins.encoders import MiniLm, MiniLmSettings

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

INTENT = """
[[tasks]]
name = "intent"
adapter = "intent"
"""
SENTIMENT = """
[[tasks]]
name = "sentiment"
adapter = "sentiment"
"""
BANK = """
[entities]
"Halvorne Bank" = ["Halvorne"]
[[routes]]
name = "each-at-once"
match = ["kind=conversation"]
notify = ["desk"]
group_by = ["rule", "source", "thread"]
group_wait = "0s"
[[rules]]
name = "unanswered"
kind = "conversation"
when = "unanswered"
where = { intent = "complaint" }
[[rules]]
name = "turns-bad"
kind = "conversation"
when = "worse"
where = { sentiment = "negative" }
[[rules]]
name = "words"
kind = "keyword"
words = ["class action", "ransomware"]
[[rules]]
name = "halvorne"
kind = "entity"
where = { entity = "Halvorne Bank", sentiment = "negative" }
[[rules]]
name = "complaints"
kind = "ratio"
where = { intent = "complaint" }
at_least = 0.3
[[rules]]
name = "more-complaints"
kind = "trend"
where = { intent = "complaint" }
min_per_day = 2
"""

EVERY_DAY = (
    "Where do I see the fee for a transfer abroad?",
    "My card has not arrived yet, it was posted a week ago",
    "I forgot my password and the reset mail does not come",
    "Please cancel my savings contract at the end of the month",
    "The app shows an error when I take a picture of the invoice",
    "When do I get the refund for the double booking?",
    "Thanks, that worked at once. Great help!",
    "What are the opening hours of the branch on Saturday?",
)
OF_A_FLOOD = (
    "The flood took our bakery, the ovens are under a metre of mud",
    "We stand in the water up to our knees and the shop is gone",
    "The river came over the dam at night and our cellar is full",
    "Since the flood our village has no bridge and no post",
    "My workshop was washed away last Tuesday with all machines in it",
    "The water has ruined the piano, the floor and all our papers",
    "After the flood my parents live in a gym with sixty others",
    "The dam broke and our house has to be pulled down",
    "Mud in every room of the practice, I do not know where to begin",
    "Half of our herd drowned when the river rose",
)
OF_PLANTS = (
    "The begonia on the balcony wants shade and water in the evening",
    "Tomatoes like compost and a warm wall",
    "How deep do I plant tulip bulbs, and when?",
    "My roses have black spots on their leaves after the rain",
    "The hedge has to be cut before the birds breed",
    "Lavender in a pot needs hardly any water in winter",
    "Snails eat my lettuce every night, what helps?",
    "The apple tree blossoms late this year, because of the frost",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return MiniLm(MiniLmSettings(), Path())


@pytest.fixture
def world(tmp_path: Path, encoder: Encoder) -> Iterator[Callable[[str], Scenario]]:
    made: list[Scenario] = []

    def make(config: str) -> Scenario:
        made.append(Scenario(tmp_path, encoder, config))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ordinary(
    one: Scenario, since: datetime, days: int, a_day: int, texts: tuple[str, ...] = EVERY_DAY
) -> None:
    """So many chats a working day and a third of it at week-ends, between 8 and 18, one text after the other."""
    for day in range(days):
        begin = since + day * DAY
        number = a_day if begin.weekday() < 5 else a_day // 3
        for n in range(number):
            one.chat(begin + 8 * HOUR + n * 10 * HOUR / number, texts[(n * 5 + day) % len(texts)])


def titles(one: Scenario, rule: str) -> list[str]:
    """The first lines that the desk was sent by one rule, in order."""
    return [notification.title for notification in one.notifications if notification.data["rule"] == rule]


def body(one: Scenario, rule: str) -> str:
    """The first notification of a rule."""
    return next(notification.body for notification in one.notifications if notification.data["rule"] == rule)


def test_a_new_kind_of_question_is_noticed_and_offered_as_a_label(world: Callable[[str], Scenario]) -> None:
    """Ten customers tell of a flood in a day, which is nothing that the labels are for."""
    one = world(INTENT + SENTIMENT + '[[rules]]\nname = "unknown"\nkind = "new_topic"\n')
    ordinary(one, MONDAY, 16, 16)
    day = MONDAY + 15 * DAY
    for n, text in enumerate(OF_A_FLOOD):
        one.chat(day + (8 + n) * HOUR, text)
    one.live(day, day + 20 * HOUR, HOUR)
    one.live(day + 20 * HOUR, day + 8 * DAY, 6 * HOUR)  # a topic is new for seven days
    title, end = titles(one, "unknown")
    assert end.startswith("Over after ")
    assert title.startswith("New topic in intent: 6 texts (")
    assert ", usually none in 7 days [" in title
    notification = body(one, "unknown")
    assert "usually none in 7 days" in notification
    assert "\n monitor tasks extend intent " in notification
    assert "--seed" in notification
    shown = [text for text in OF_A_FLOOD if text in notification]
    assert 3 <= len(shown) <= 5
    assert not any(text in notification for text in EVERY_DAY)


def test_texts_that_no_label_fits_raise_the_share_of_none(world: Callable[[str], Scenario]) -> None:
    one = world(INTENT + '[[rules]]\nname = "labels-fit"\nkind = "model"\n')
    ordinary(one, MONDAY, 28, 16)
    ordinary(one, MONDAY + 21 * DAY, 7, 12, OF_PLANTS)
    one.live(MONDAY + 21 * DAY, MONDAY + 28 * DAY, 2 * HOUR)
    assert titles(one, "labels-fit")[0].startswith("Task intent: no label fits ")
    notification = body(one, "labels-fit")
    assert "monitor label intent" in notification
    assert sum(text in notification for text in OF_PLANTS) >= 3, "it shows what came"
    assert not any(text in notification for text in EVERY_DAY)


def test_a_busy_line_that_falls_silent_is_a_drop_and_then_a_silence(world: Callable[[str], Scenario]) -> None:
    one = world(
        INTENT
        + '[[rules]]\nname = "quiet"\nkind = "drop"\n'
        + '[[rules]]\nname = "silent"\nkind = "silence"\n'
    )
    ordinary(one, MONDAY, 15, 200)
    day = MONDAY + 15 * DAY
    for n in range(80):
        one.chat(day + 8 * HOUR + n * 3 * MINUTE, EVERY_DAY[n % 8])
    one.live(day, day + 15 * HOUR)
    (drop,) = titles(one, "quiet")
    assert re.fullmatch(r"(No|\d) texts in 1 h, usually \d+ to \d+ \[quiet\]", drop), drop
    assert "The last texts before it" in body(one, "quiet")
    (silence,) = titles(one, "silent")
    assert re.match(r"Source chat: nothing new for 2 h( \d+ min)?, in which \d+ arrivals are usual", silence)


CONVERSATION = (
    ("customer", "Hello, I would like to raise my card limit for a trip"),
    ("agent", "Gladly. For how long?"),
    ("customer", "Two weeks, thanks, that would be great"),
    ("agent", "I see an open case here, so I cannot do that."),
    ("customer", "That is ridiculous, the case was closed a month ago. Terrible service"),
    ("customer", "I am really angry, you ruin my trip with your incompetence"),
)
COMPLAINTS = (
    "This is the third time I complain about the rude clerk at the counter, I am very disappointed",
    "Nobody called back although it was promised twice. I want to complain about this service",
    "I want to make a complaint, your colleague hung up on me",
)
CALM_NEWS = (
    "Markets calm as bond yields edge lower",
    "Grain prices little changed",
    "Central bank keeps rates where they are",
)


def test_a_bad_day_at_the_bank(world: Callable[[str], Scenario]) -> None:
    """Complaints grew for weeks; then a lawsuit, a conversation that turns, and more complaints than ever."""
    one = world(INTENT + SENTIMENT + BANK)
    ordinary(one, MONDAY, 42, 10)
    for day in range(42):
        for n in range(1 + day // 7):
            one.chat(MONDAY + day * DAY + 9 * HOUR + n * HOUR, COMPLAINTS[n % 3])
        for n in range(3):
            one.news(MONDAY + day * DAY + n * 8 * HOUR, CALM_NEWS[n])
    today = MONDAY + 42 * DAY
    lawsuit = "Class action accuses Halvorne Bank of cheating small savers"
    one.news(today + 6 * HOUR, lawsuit, "Lawyers for 4,000 customers filed suit on Monday over hidden fees.")
    for n, (role, text) in enumerate(CONVERSATION):
        one.chat(today + 9 * HOUR + n * MINUTE, text, "c1", "agent" if role == "agent" else "customer")
    one.chat(today + 9 * HOUR + 50 * MINUTE, "I am sorry. It is done now.", "c1", "agent")
    for n in range(12):
        one.chat(today + 13 * HOUR + n * 4 * MINUTE, f"{COMPLAINTS[n % 3]}. I wrote {n + 2} letters")
        one.chat(today + 13 * HOUR + n * 5 * MINUTE, EVERY_DAY[n % 8])
    one.live(today, today + 14 * HOUR)

    assert titles(one, "words")[0] == f"1 text with 'class action': \"{lawsuit}\" [words]"
    assert titles(one, "halvorne")[0] == f'1 negative text about Halvorne Bank: "{lawsuit}" [halvorne]'
    assert titles(one, "turns-bad")[0] == (
        "2 negative texts in a row from the customer: conversation c1 (chat) [turns-bad]"
    )
    talk = body(one, "turns-bad")
    assert [talk.index(f"{role}: {text}") for role, text in CONVERSATION] == sorted(
        talk.index(f"{role}: {text}") for role, text in CONVERSATION
    ), "whole and in its order, with what was said before it turned"
    waiting, answered, *_ = titles(one, "unanswered")
    assert re.match(
        r"Unanswered for 3\d min, 2 texts with intent complaint: conversation c1 \(chat\)", waiting
    ), waiting
    assert re.match(r"Over, answered after \d\d min: conversation c1 \(chat\) ", answered), answered
    assert titles(one, "more-complaints")[0].startswith("Texts with intent complaint: rising from 1")
    (share,) = titles(one, "complaints")
    assert re.match(
        r"\d\d % of texts in 1 h have intent complaint, usually \d+ % \(\d+ of \d+; limit \d\d %\)", share
    ), share
    assert body(one, "complaints").count("of all texts") == 0, "the same share is not said twice"
    said = re.search(r"Said more than usual: (.+)\.", body(one, "complaints"))
    assert said is None or not {"I", "the", "about", "at the"} & {
        w.rpartition(" (")[0] for w in said[1].split(", ")
    }
    assert all(
        notification.title[0].isupper() or not notification.title[0].isalpha()
        for notification in one.notifications
    )
