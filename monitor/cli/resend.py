"""``monitor alerts resend``: another try for notifications that were given up."""

from __future__ import annotations

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.config.document import notifier_names, read_document
from monitor.errors import MonitorError, UnknownName


@click.command("resend")
@click.argument("alert_id", type=int, metavar="[ID]", required=False)
@click.option("--notifier", metavar="NAME", help="Only what this notifier could not deliver.")
@click.option("--all-dead", is_flag=True, help="Everything that was given up.")
@json_option
@pass_app
def resend_command(
    app: App, alert_id: int | None, notifier: str | None, all_dead: bool, as_json: bool
) -> None:
    """Resend what could not be delivered: for alert ID, to a notifier, or everything.

    A notification is given up when the receiver refuses it for good, or after a week. Correct the
    cause (`monitor notifiers list` shows it, `monitor notifiers test` tries it), then resend: the
    notification waits for delivery as if it were new, and the running monitor delivers it within
    a second. It keeps its key, so a receiver that did get it before can recognise it.

    Overtaken notifications are not resent: once "resolved" has arrived, "firing" would only leave
    open an alert that is over. Nor are those for a notifier that is no longer configured.

    With --json: one array of objects with alert, notifier, event, key and resent (false if it
    stays as it was).
    """
    if alert_id is None and notifier is None and not all_dead:
        raise click.UsageError("name an alert by its ID, a notifier with --notifier, or use --all-dead")
    if all_dead and (alert_id is not None or notifier is not None):
        raise click.UsageError("--all-dead means all: leave out the ID and --notifier")
    store = app.store
    if alert_id is not None:
        store.alerts.need(alert_id)
    if notifier is not None and notifier not in (known := store.outbox.counts_by_notifier()):
        raise UnknownName("notifier with notifications", notifier, known)
    there = notifier_names(read_document(app.config_path))
    if notifier is not None and notifier not in there:
        said = f"{notifier} is not configured any more: nobody would deliver to it"
        raise MonitorError(f"{said}; write it under [[notifiers]] first")
    with store.transaction():
        dead = store.outbox.dead(alert_id=alert_id, notifier=notifier)
        stays = {
            entry.id: "was overtaken, and stays" for entry in dead if store.succession.overtaken(entry)
        } | {
            entry.id: "not configured any more, so it stays" for entry in dead if entry.notifier not in there
        }
        store.outbox.resend([entry.id for entry in dead if entry.id not in stays], app.now())
    if as_json:
        print_json(
            [
                {
                    "alert": entry.alert_id,
                    "notifier": entry.notifier,
                    "event": entry.notification.event,
                    "key": entry.notification.key,
                    "resent": entry.id not in stays,
                }
                for entry in dead
            ]
        )
        return
    if not dead:
        click.echo("there is nothing that was given up")
    for entry in dead:
        what = f"alert {entry.alert_id}" if entry.alert_id is not None else entry.notification.title
        fate = stays.get(entry.id, "waits for delivery")
        click.echo(f"{what}, {entry.notification.event}, to {entry.notifier}: {fate}")
