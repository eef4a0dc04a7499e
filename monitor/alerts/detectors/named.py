"""What kinds of rules share that name tasks or sources in their settings, and not in ``where``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from monitor.errors import UnknownName


def name_faults(
    what: str, names: Sequence[str], where: Mapping[str, str], known: Collection[str], example: str
) -> Iterator[tuple[str, str]]:
    """What is wrong with ``where`` and with names of a ``what`` (task, source): ``(setting, reason)``."""
    if where:
        yield "where", f'means nothing here: {what}s are named, as in {what}s = ["{example}"]'
    for name in names:
        if name not in known:
            yield f"{what}s", str(UnknownName(what, name, sorted(known)))
