"""Conditions on the labels that a document carries, as SQL."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.types import ENTITY, NO_LABEL, READ_BY


def carries(pairs: Iterable[tuple[str, str]], document: str = "documents.id") -> tuple[list[str], list[str]]:
    """A condition for each ``(task, label)``, abstentions left out, and the values of them all.

    Of the task ``entity``, what is mentioned; of :data:`READ_BY`, the task that read it; with
    :data:`NO_LABEL`, that the task read it and abstained.
    ``document``: the column that holds the document's id.
    """
    conditions, values = list[str](), list[str]()
    for task, label in pairs:
        if task == ENTITY:
            conditions.append(
                f"exists (select 1 from mentions m where m.document_id = {document} and m.entity = ?)"
            )
            values.append(label)
        elif task == READ_BY:
            conditions.append(
                f"exists (select 1 from predictions p where p.document_id = {document} and p.task = ?)"
            )
            values.append(label)
        elif label == NO_LABEL:
            conditions.append(
                f"exists (select 1 from predictions p where p.document_id = {document}"
                " and p.task = ? and p.abstained = 1)"
            )
            values.append(task)
        else:
            conditions.append(
                f"exists (select 1 from predictions p where p.document_id = {document}"
                " and p.task = ? and p.label = ? and p.abstained = 0)"
            )
            values += [task, label]
    return conditions, values
