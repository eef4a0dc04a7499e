"""The tasks to practise on that the project wrote."""

from collections import Counter
from pathlib import Path

import pytest

from monitor.learn.meta.catalog import read_catalog
from monitor.learn.meta.settings import read_settings

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
META = BENCHMARKS / "meta"


def test_written_tasks_can_be_practised_on() -> None:
    tasks = read_catalog(META / "written")
    assert len(tasks) > 30
    for task in tasks:
        assert (task.role, task.ships) == ("train", True)
        assert task.licence, task.name
        each = Counter(task.all().targets.tolist())
        assert len(each) == len(task.labels)
        assert min(each.values()) >= 20, task.name


def test_no_text_stands_in_two_written_tasks() -> None:
    texts = [text.casefold() for task in read_catalog(META / "written") for text in task.all().texts]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


@pytest.mark.parametrize("folder", ["in_domain", "other_languages"])
def test_what_is_measured_by_is_not_practised(folder: str) -> None:
    practised = {text.casefold() for task in read_catalog(META / "written") for text in task.all().texts}
    measured = read_catalog(BENCHMARKS / folder)
    assert len(measured) > 20
    assert {task.role for task in measured} <= {"validation", "exam"}
    assert not practised & {text.casefold() for task in measured for text in task.all().texts}


def test_the_shipped_recipe_weighs_tasks_that_were_written() -> None:
    weighed = read_settings(META / "shipped.toml").weights
    assert {task.name for task in read_catalog(META / "written")} & set(weighed)
