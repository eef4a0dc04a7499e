"""Templates of messages: Jinja2 in its sandbox, what they may use, and what is wrong with one.

docs/templates.md is the owner's page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAMES: Mapping[str, str] = {
    "event": "`firing`, `resolved`, or what else is told of an alert",
    "alert": "the alert's fields, as `monitor alerts show --json` prints them",
    "evidence": "what speaks for it, described below",
    "documents": "the texts behind it, newest first: `id`, `source`, `title`, `text`, `url`, `event_at`",
    "what": "what the alert is about: `negative texts on litigation`",
    "headline": "the built-in title",
    "facts": "the built-in sentences: how much, since when, shares, stories and sources, names, words",
    "texts": "three to five texts that stand for all, newest first; `text.more` is how many others say the same",
    "heading": "the line above the texts",
    "line": "the series drawn with characters, `line.drawing`, and what that shows, `line.caption`; or none",
    "why": "the reason in the detector's words, where the facts do not say it already",
    "rule": "the rule in a sentence, with its settings",
    "commands": "what to do next: `command.run` and `command.why`",
    "picture": "where an HTML message finds the picture of the series; empty where there is none",
}
"""What a template may name."""


@dataclass(frozen=True)
class Templates:
    """What a notifier says instead of the built-in words; ``None``: the built-in ones.

    ``zone``: IANA name of the time zone in which times are told.
    """

    title: str | None = None
    body: str | None = None
    html: str | None = None
    zone: str = "UTC"

    @property
    def plain(self) -> bool:
        """Whether nothing is changed."""
        return self == BUILT_IN


BUILT_IN = Templates()


def short(value: object, most: int = 200) -> str:
    """One line of at most ``most`` characters, without control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value))
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def link(value: object) -> str:
    """A web address that can be a link in HTML; ``""`` for one of another scheme, or with control characters."""
    text = str(value)
    web = text.lower().startswith(("http://", "https://"))
    return text if web and text.isprintable() else ""


def render(text: str, names: Mapping[str, Any], *, zone: str = "UTC", html: bool = False) -> str:
    """A template filled in.

    :param html: escape what is put in.
    :raises jinja2.TemplateError: and whatever else a template can raise while it runs.
    """
    return _compiled(text, zone, html).render(names)


def read(given: str | Path | None, base: Path) -> tuple[str | None, list[str]]:
    """The text of a template, given as it is or by its file below ``base``, and what is wrong with it."""
    if given is None:
        return None, []
    if isinstance(given, Path):
        try:
            given = (base / given).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # the latter: not UTF-8, or no name at all
            reason = getattr(error, "strerror", None) or (
                "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)
            )
            return None, [f"{base / given} cannot be read: {reason}"]
    return given, faults(given)


def faults(text: str) -> list[str]:
    """What is wrong with a template that an owner wrote, each with its line; empty if nothing is."""
    environment = _environment("UTC", False)
    try:
        tree = environment.parse(text)
        environment.compile(tree)
    except TemplateSyntaxError as error:
        return [f"line {error.lineno}: {error.message}"]
    found = []
    for loading in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        found.append(f"line {loading.lineno}: {type(loading).__name__.lower()} has nothing to load here")
    unknown = meta.find_undeclared_variables(tree) - NAMES.keys()
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.ctx == "load":
            found.append(f"line {node.lineno}: {node.name!r} is not known; known: {', '.join(NAMES)}")
            unknown.discard(node.name)
    return found


def clock(zone: str) -> Callable[[object], str]:
    """The filter that tells an ISO 8601 time in a zone."""

    def tell(value: object) -> str:
        local = datetime.fromisoformat(str(value)).astimezone(ZoneInfo(zone))
        return f"{local:%Y-%m-%d %H:%M %Z}"

    return tell


@lru_cache(maxsize=64)
def _compiled(text: str, zone: str, html: bool) -> Template:
    return _environment(zone, html).from_string(text)


def _environment(zone: str, html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["short"] = short
    environment.filters["link"] = link
    environment.filters["clock"] = clock(zone)
    return environment
