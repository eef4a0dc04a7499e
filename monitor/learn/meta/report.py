"""What a training was and came to: the facts that go into ``report.json``."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.learn.meta.catalog import MetaTask
from monitor.learn.meta.evaluate import Answers, by_label, scores
from monitor.learn.meta.settings import MetaSettings

if TYPE_CHECKING:
    import torch


def make_report(
    settings: MetaSettings,
    tasks: Sequence[MetaTask],
    masked: Mapping[str, int],
    exams: Sequence[MetaTask],
    left_out: Mapping[str, tuple[int, int]],
    judged: Mapping[str, Answers],
    *,
    untrained: Mapping[str, str],
    seconds: float,
    device: torch.device,
) -> dict[str, Any]:
    """The report, JSON-able.

    :param masked: by view, how many tasks were made of unlabelled texts.
    :param exams: tasks that were only read to leave out the texts that they share.
    :param left_out: by task, how many texts went: exactly and nearly those of an exam.
    :param judged: the answers on validation tasks at the end.
    :param untrained: by task its family, where no view trains on that.
    :param seconds: how long the training took, without reading texts, over all its runs.
    """
    counts = {name: {"exactly": a, "nearly": b} for name, (a, b) in left_out.items() if a or b}
    return {
        "settings": settings.model_dump(mode="json"),
        "seed": settings.seed,
        "steps": settings.steps,
        "seconds": round(seconds, 1),
        "machine": machine(device),
        "tasks": {task.name: {"licence": task.licence, "texts": len(task.all())} for task in tasks},
        "untrained": {
            name: f"left out: no view names the family {family}" for name, family in untrained.items()
        },
        "masked_words": dict(masked),
        "exam_tasks": {
            "names": [task.name for task in exams],
            "used_for": "leaving their texts out of training, and nothing else",
        },
        "left_out": counts,
        "left_out_texts": {
            "exactly": sum(count["exactly"] for count in counts.values()),
            "nearly": sum(count["nearly"] for count in counts.values()),
        },
        "validation": {name: scores(found) for name, found in judged.items()},
        "labels": {name: by_label(found) for name, found in judged.items()},
    }


def machine(device: torch.device) -> dict[str, Any]:
    """Device, processor, threads and versions of what computed."""
    import torch
    import transformers

    named = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "device": str(device) + (f" ({named})" if named else ""),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": str(transformers.__version__),
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, as well as it can be told."""
    try:
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
