"""What is worth a look in a configuration."""

from __future__ import annotations

from pydantic import BaseModel

from monitor.config import SourceConfig
from monitor.interfaces import Source
from monitor.pipeline.hints import twins


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
