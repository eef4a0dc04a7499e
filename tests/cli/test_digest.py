"""monitor digest."""

from __future__ import annotations


def test_a_digest_now(fetched, alert_id):
    got = fetched("digest").out
    assert got.startswith("digest, ")
    assert f"alert {alert_id}: 12 bad texts on court in 1 h, usually 0 to 3 [bad-news]" in got
    record = fetched("digest", "--json", "--since", "2h").json
    assert record["alerts"][0]["id"] == alert_id
    assert [source["name"] for source in record["sources"]] == ["news"]


def test_a_digest_of_the_configuration(fetched):
    with (fetched.folder / "config.toml").open("a") as file:
        file.write('\n[[digests]]\nname = "weekly"\nevery = "week"\nzone = "UTC"\n')
    assert fetched("digest", "weekly").out.startswith("weekly, ")
    assert "known: weekly" in fetched("digest", "nope", code=2).err
    assert "is not a duration" in fetched("digest", "--since", "long", code=2).err
