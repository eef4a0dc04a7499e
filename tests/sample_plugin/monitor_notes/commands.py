"""``monitor notes``: what lies on the desk, and what is done."""

from __future__ import annotations

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.errors import MonitorError

_OPEN = """
select d.id, d.title, d.published_at, p.label as urgency
from documents d
join sources s on s.name = d.source and s.plugin = 'notes'
left join predictions p on p.document_id = d.id and p.task = 'urgency' and not p.abstained
where d.id not in (select document_id from notes_done)
order by case p.label when 'urgent' then 0 when 'soon' then 1 else 2 end, d.id
"""


@click.command("notes")
@click.option("--done", type=int, metavar="ID", help="Mark a note as dealt with; ID as listed.")
@json_option
@pass_app
def notes(app: App, done: int | None, as_json: bool) -> None:
    """List the notes that are not done yet, the urgent ones first.

    With --json: one array of objects with id, title, published_at and urgency (null: not known).
    """
    # this store has the tables of plugins; what people do is a short transaction of its own
    store = app.synchronised_store
    if done is not None:
        if not store.documents.many([done]):
            raise MonitorError(f"there is no document {done}; `monitor notes` lists them")
        with store.transaction() as connection:
            connection.execute(
                "insert or ignore into notes_done values (?, ?)", [done, app.now().isoformat()]
            )
    found = [dict(row) for row in store.connection.execute(_OPEN)]
    if as_json:
        print_json(found)
        return
    for note in found:
        click.echo(f"{note['id']:>6}  {note['urgency'] or '?':10}  {note['title']}")
    if not found:
        click.echo("everything is done")
