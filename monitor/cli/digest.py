"""``monitor digest``: what happened lately, in one page."""

from __future__ import annotations

from datetime import timedelta

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.parameters import DURATION
from monitor.errors import UnknownName


@click.command("digest")
@click.argument("name", required=False)
@click.option(
    "--since",
    type=DURATION,
    metavar="DURATION",
    help="How far back: 24h, 7d ... [default: the digest's own period, or 24h].",
)
@json_option
@pass_app
def digest_command(app: App, name: str | None, since: float | None, as_json: bool) -> None:
    """Print a digest of the latest period, up to now.

    NAME is one of those under [[digests]]; without it, the digest covers all tasks. It shows the alerts and
    their state (those furthest from usual first, with their series drawn; the conversations of a rule in
    one line), the series that rose and fell most compared with the periods before, the words and names
    that rose, typical texts for them, the sources, and how much fits no label. Nothing is sent; the
    running monitor sends those under [[digests]] when they are due.

    With --json: an object with name, since, until, zone, texts, usual (texts in a usual period), alerts,
    more_alerts (number and open, of those that did not fit), rose and fell (selection, what, texts, usual,
    score; rose also stories), words, names, shown (texts), sources (name, texts, failures, error) and
    unlabelled ({task: {texts, without}}).
    """
    from monitor.alerts.digest import Digest, compose_digest
    from monitor.pipeline.alerting.digests import gather_digest
    from monitor.pipeline.declared import make_digests

    digest = Digest("digest")
    if name is not None:
        known = {digest.name: digest for digest in make_digests(app.shown_config)}
        if name not in known:
            raise UnknownName("digest", name, known)
        digest = known[name]
    now = app.now()
    back = timedelta(days=digest.days) if since is None else timedelta(seconds=since)
    data = gather_digest(app.store, digest, now - back, now)
    if as_json:
        print_json(data)
    else:
        said = compose_digest(data, digest.zone)
        click.echo(f"{said.title}\n\n{said.body}", nl=False)
