"""``monitor seeds check``: examples that may carry a wrong label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.cli.app import App, json_option, pass_app, print_json
from monitor.cli.output import number, print_table, shorten

if TYPE_CHECKING:
    from monitor.pipeline.learning.doubting import Found

MANY_TIMES = 1000


@click.command("check")
@click.argument("task")
@click.option("--shipped", is_flag=True, help="Also those that come with the task, which no command changes.")
@json_option
@pass_app
def check_command(app: App, task: str, shipped: bool, as_json: bool) -> None:
    """Show your seeds of TASK that may carry a wrong label, the most doubtful first.

    Each seed of a label with four seeds or more is judged by a head that has not seen it. Listed are those
    that it finds twenty times as likely to be something else. Where one seed in fifteen is wrong, two in
    five of those listed are; the others are hard examples. Also named are pairs of labels that may be
    swapped: the seeds of each are more like the other's name.

    Seeds that come with the task (from `adapter`, in `seeds list`) help to judge yours, and are only counted; --shipped
    lists them. Texts of no label are not judged, and no seed is changed. `monitor seeds add TASK LABEL TEXT` gives a
    text another label (in a task with one label a text, instead of one added by command); `monitor seeds remove ID`
    removes a seed.

    With --json: one object with task, judged (how many seeds were), doubtful (objects with id, label, looks_like (a
    label, or null for none of the others), times, origin and text), left_out (how many that come with the task look
    wrong and are not listed) and swapped (pairs of labels).
    """
    from monitor.pipeline.learning.doubting import doubtful_seeds
    from monitor.pipeline.learning.featurizer import Featurizer
    from monitor.shared_encoder import make_encoder

    store = app.synchronised_store
    found = doubtful_seeds(store, Featurizer(store, make_encoder(app.config)), task, shipped=shipped)
    if as_json:
        rows = [
            {
                "id": one.stored.id,
                "label": one.stored.seed.label,
                "looks_like": one.likely,
                "times": one.times,
                "origin": one.stored.origin,
                "text": one.stored.seed.text,
            }
            for one in found.doubtful
        ]
        print_json(
            {
                "task": task,
                "judged": found.judged,
                "doubtful": rows,
                "left_out": found.left_out,
                "swapped": found.swapped,
            }
        )
        return
    for one, other in found.swapped:
        click.echo(f"seeds of {one} are more like the name of {other}, and the reverse: are they swapped?")
    print_table(
        ["id", "label", "looks like", "times", "from", "text"],
        [
            [
                one.stored.id,
                one.stored.seed.label,
                one.likely or "none of the others",
                f"{one.times:,.0f}" if one.times < MANY_TIMES else f"over {MANY_TIMES:,}",
                one.stored.origin,
                shorten(one.stored.seed.text, 100),
            ]
            for one in found.doubtful
        ],
        empty=_nothing(found, shipped),
        right=["id", "times"],
    )
    if found.left_out:
        single = found.left_out == 1
        click.echo(
            f"{number(found.left_out, 'doubtful seed')} that {'comes' if single else 'come'} with the task "
            f"{'is' if single else 'are'} left out; --shipped lists {'it' if single else 'them'}"
        )


def _nothing(found: Found, shipped: bool) -> str:
    if found.judged:
        return f"none of {'' if shipped else 'your '}{number(found.judged, 'seed')} looks wrong by itself"
    return f"nothing to judge: no label {'' if shipped else 'with a seed of yours '}has four seeds"
