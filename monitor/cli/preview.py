"""``monitor alerts preview``: what an alert would look like."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import console, in_zone
from monitor.errors import MonitorError, UnknownName
from monitor.store import Store
from monitor.templating import BUILT_IN, Templates
from monitor.types import PICTURE

if TYPE_CHECKING:
    from monitor.pipeline.trying.preview import Preview


@click.command("preview")
@click.argument("rule", metavar="RULE")
@click.option("--notifier", metavar="NAME", help="Use this notifier's templates.")
@click.option("--resolved", is_flag=True, help="Show the message that it is over.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write the HTML to this file."
)
@click.option(
    "--picture",
    "png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the picture to this file.",
)
@json_option
@pass_app
def preview_command(
    app: App,
    rule: str,
    notifier: str | None,
    resolved: bool,
    page: Path | None,
    png: Path | None,
    as_json: bool,
) -> None:
    """Show what an alert of RULE would look like, without raising one.

    It is the alert that the rule would have raised last in the past 28 days, as `rules test --as-live` finds it. If
    there is none, the newest texts of the busiest of the rule's series and, where they are too few, made-up texts are
    given figures with which the rule would fire; a line on standard error says so. Nothing is stored or sent, so the
    numbers of the alert and of made-up texts, as in `alerts show 1`, are examples.

    With --json: an object with event, title, body, html, data (what `alerts show --json` has; its id is an
    example) and made_of.
    """
    from monitor.pipeline.declared import make_rules
    from monitor.pipeline.trying.preview import preview

    rules = {r.name: r for r in make_rules(app.shown_config)}
    if rule not in rules:
        raise UnknownName("rule", rule, rules)
    templates = _templates(app, notifier)
    event = "resolved" if resolved else "firing"
    if app.database.is_file():
        with console(stderr=True).status("reading") as status:
            shown = preview(
                app.store,
                rules[rule],
                app.now(),
                templates,
                event=event,
                progress=lambda done, of: status.update(f"{done:,} of {of:,} texts"),
            )
    else:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder) / "preview.db")
            try:
                shown = preview(store, rules[rule], app.now(), templates, event=event)
            finally:
                store.close()
    if page is not None:
        _write(page, _whole_page(shown).encode())
    if png is not None:
        if not shown.picture:
            raise MonitorError("there is no picture: nothing was counted for the rule's series yet")
        _write(png, shown.picture)
    if as_json:
        said = asdict(shown.message)
        print_json({"event": event, **said, "data": shown.data, "made_of": shown.made_of})
    else:
        number = (
            f"Alert {shown.data['id']} does not exist, nor does a made-up text: such numbers are examples."
        )
        click.echo(f"A preview, made of {in_zone(shown.made_of)}; nothing is sent. {number}\n", err=True)
        click.echo(f"{shown.message.title}\n\n{shown.message.body}", nl=False)


def _templates(app: App, notifier: str | None) -> Templates:
    if notifier is None:
        return BUILT_IN
    known = {n.name: n.templates for n in app.shown_config.notifiers}
    if notifier not in known:
        raise UnknownName("notifier", notifier, known)
    return known[notifier]


def _whole_page(shown: Preview) -> str:
    """The HTML with its picture inside, so that the file can be opened by itself."""
    if not shown.message.html:
        raise MonitorError("there is no HTML: the notifier has a body_template, but no html_template")
    picture = base64.b64encode(shown.picture).decode()
    return shown.message.html.replace(PICTURE, f"data:image/png;base64,{picture}")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}") from None
