"""What task adapters bring, checked: a plugin's slip must not stop the tasks of others later on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from monitor.errors import MonitorError, PluginError, one_line
from monitor.interfaces import TaskAdapter
from monitor.types import NO_LABEL, Seed, whole


def labels_of(adapter: TaskAdapter) -> dict[str, str]:
    """The default labels of an adapter with their descriptions.

    :raises TypeError: they are no mapping of texts to texts.
    """
    found = adapter.labels()
    if not isinstance(found, Mapping):
        raise TypeError(f"labels() must give a mapping of labels to descriptions, not {type(found).__name__}")
    for label, description in found.items():
        if not isinstance(label, str) or not isinstance(description, str):
            raise TypeError(f"labels() must map texts to texts, not {label!r} to {description!r}")
    return {whole(label): whole(description) for label, description in found.items()}


def seeds_of(adapter: TaskAdapter, labels: Collection[str]) -> list[Seed]:
    """The default seeds of an adapter whose label is one of ``labels``.

    Those of no label are there unless ``labels`` has one that the adapter does not know: it may be theirs.

    :raises TypeError: they hold something else than seeds of two texts.
    """
    found = list(adapter.seeds())
    for seed in found:
        if not isinstance(seed, Seed) or not isinstance(seed.text, str) or not isinstance(seed.label, str):
            raise TypeError(f"seeds() must give Seed objects of two texts, not {seed!r:.100}")
    seeds = [Seed(whole(seed.text), whole(seed.label)) for seed in found]
    all_known = set(labels) <= set(labels_of(adapter))
    return [seed for seed in seeds if seed.label in labels or (seed.label == NO_LABEL and all_known)]


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Whatever the adapter of that name raises is one line, for a command that cannot do without it.

    :raises PluginError: it raised something else than a :class:`MonitorError`.
    """
    try:
        yield
    except MonitorError:
        raise
    except (Exception, SystemExit) as error:
        said = f"the task adapter {name!r} raised {type(error).__name__}: {error}"
        raise PluginError(one_line(said)) from error
