"""What is worth a look in a configuration."""

from __future__ import annotations

from pydantic import BaseModel

from monitor.config.model import SourceConfig
from monitor.interfaces import Source
from monitor.pipeline.learning.hints import contradictions, twins
from monitor.types import Seed, Task


class Api(BaseModel):
    url: str = "https://api.example.com"
    query: str = ""


def test_two_questions_to_one_address_are_no_twins() -> None:
    """As of a plugin whose address is that of the service."""
    made = [
        SourceConfig(name, "api", 300, Source, Api(query=query))
        for name, query in (("a", "x"), ("b", "y"), ("c", "x"))
    ]
    assert twins(made) == ["c: reads the same as a, so that each text counts twice"]


def test_a_text_without_blanks_is_quoted_from_its_beginning() -> None:
    text = "我无法登录网银密码一直错误" * 8
    (said,) = contradictions(Task("t", {"a": "", "b": ""}), [Seed(text, "a"), Seed(text, "b")])
    assert text[:50] in said
