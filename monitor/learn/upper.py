"""The upper layers that views have for themselves: the public model's, those that were learned, those of one task."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from monitor.errors import LearnError, UnknownName
from monitor.learn.layers import changed, stack
from monitor.learn.tune import from_bytes, view_name
from monitor.learn.views import BASE, Views

MOST_BUILT = 8
"""Fine-tuned views whose layers stay in memory; those of more are made again when they are needed."""


class UpperLayers:
    """Upper layers of a model by view, above ``start`` layers that all of them share.

    A model without learned views is cut in the middle when a first view is fine-tuned; until then
    ``start`` is 0, and there is nothing here. ``views`` are those that every task may read.

    :raises LearnError: ``learned`` was not made for such a model.
    """

    def __init__(self, model: Any, learned: Views | None) -> None:
        self._model = model
        self._own: dict[str, Any] = {}
        self._offered: dict[str, bytes] = {}
        self._changed: dict[str, str] = {}  # what an offered view is a change of
        self._built: OrderedDict[str, Any] = OrderedDict()
        self.start = 0
        if learned is not None:
            layers = stack(model)
            if not 0 < learned.start < len(layers):
                raise LearnError(
                    f"the views change layers from {learned.start} up, but the model has {len(layers)}"
                )
            self.start = learned.start
            self._own[BASE] = layers[self.start :]
            for view, change in learned.changes.items():
                self._own[view] = changed(layers, self.start, change)
        self.views: tuple[str, ...] = tuple(self._own) or (BASE,)
        self._spelling = dict(learned.spelling) if learned is not None else {}

    def spelling(self, view: str) -> float:
        """The share that spelling has in the features of a view that exists; a change of a view has the view's."""
        return self._spelling.get(self._changed.get(view, view), 0.0)

    def check(self, views: Sequence[str]) -> None:
        """Raise :class:`UnknownName`, which lists the known ones, for a view that does not exist."""
        for view in views:
            if view not in self.views and view not in self._offered:
                raise UnknownName("view of the encoder", view, (*self.views, *self._offered))

    def __getitem__(self, view: str) -> Any:
        """The layers of a view that exists; ``None`` where the model was never cut."""
        if not self._own:
            return None
        if view in self._own:
            return self._own[view]
        if view not in self._built:
            self._build(view)
        self._built.move_to_end(view)
        return self._built[view]

    def cut(self) -> None:
        """See to it that there are upper layers. Raises :class:`LearnError` for a model that has no such layers."""
        if not self._own:
            layers = stack(self._model)
            self.start = len(layers) // 2
            self._own[BASE] = layers[self.start :]

    def whole(self, view: str) -> list[Any]:
        """All layers that a text goes through, in order."""
        return [*stack(self._model)[: self.start], *self[view]]

    def offer(self, change: bytes) -> str:
        """Know a fine-tuned view, from now on; returns its name.

        :raises LearnError: the change is damaged, or was not made for this model.
        """
        view, _ = from_bytes(change)
        name = view_name(view, change)
        if name not in self._offered:
            self.cut()
            if view not in self._own:
                raise LearnError(f"a fine-tuned view changes {view!r}, which this encoder does not have")
            self._offered[name], self._changed[name] = change, view
            try:
                self._build(name)
            except LearnError:
                del self._offered[name], self._changed[name]
                raise
        return name

    def _build(self, name: str) -> None:
        view, change = from_bytes(self._offered[name])
        self._built[name] = changed(self.whole(view), self.start, change)
        while len(self._built) > MOST_BUILT:
            self._built.popitem(last=False)
