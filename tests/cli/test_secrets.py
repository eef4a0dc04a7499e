"""Commands that only show something need no secret of the running monitor's environment."""

from __future__ import annotations

import pytest

SECRETS = """
[[notifiers]]
plugin = "webhook"
name = "hook"
url = { env = "NOBODY_SET_HOOK_URL" }
headers = { Authorization = { env = "NOBODY_SET_TOKEN" } }

[[notifiers]]
plugin = "email"
name = "mail"
host = "mail.example.com"
sender = { env = "NOBODY_SET_FROM" }
to = [{ env = "NOBODY_SET_TO" }]
password = { env = "NOBODY_SET_PASSWORD" }
username = "monitor"

[[notifiers]]
plugin = "webhook"
name = "signed"
url = "https://example.com/hook"
secret = { env = "NOBODY_SET_SECRET" }

[[notifiers]]
plugin = "heartbeat"
name = "ping"
url = { env = "NOBODY_SET_PING" }

[[sources]]
plugin = "rss"
name = "wire"
every = "5m"
url = { env = "NOBODY_SET_FEED" }

[[digests]]
name = "morning"
at = "08:00"
zone = "UTC"
notify = ["hook"]
"""


@pytest.fixture
def without_secrets(fetched):
    fetched.config.write_text(fetched.config.read_text() + SECRETS)
    return fetched


@pytest.mark.parametrize(
    "command",
    [
        "sources list",
        "sources show news",
        "trends",
        "digest",
        "digest morning",
        "documents list",
        "documents search loss",
        "documents show 1",
        "tasks list",
        "tasks show mood",
        "seeds list mood",
        "rules list",
        "rules test court",
        "rules suggest",
        "silences list",
        "notifiers list",
        "alerts preview court",
        "plugins list",
        "alerts list",
        "db info",
        "db check",
    ],
)
def test_what_is_only_shown_needs_no_secret(without_secrets, command):
    without_secrets(*command.split())


def test_what_is_not_set_is_named_where_it_would_be_shown(without_secrets):
    shown = {n["name"]: n for n in without_secrets("notifiers", "list", "--json").json}
    assert "the environment variable NOBODY_SET_HOOK_URL is not set" in shown["hook"]["where"]
    assert shown["hook"]["rules"] == ["bad-news"]
    assert shown["ping"]["rules"] == [], "no alert comes to a heartbeat, whether it can be made or not"


def test_a_source_is_shown_where_the_configuration_cannot_be_used(without_secrets):
    without_secrets.edit('kind = "threshold"', 'kind = "thresh"')
    assert "note: it could not be asked for more" in without_secrets("sources", "show", "news").out


@pytest.mark.parametrize("command", ["run --once --no-view", "config check", "notifiers test hook"])
def test_what_uses_a_secret_asks_for_it(without_secrets, command):
    said = without_secrets(*command.split(), code=2).err
    assert "the environment variable NOBODY_SET_TOKEN is not set" in said
