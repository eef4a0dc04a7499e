"""The tasks to practise on that the project wrote."""

from collections import Counter
from pathlib import Path

from monitor.learn.meta.catalog import read_catalog
from monitor.learn.meta.settings import read_settings

META = Path(__file__).parents[3] / "benchmarks" / "meta"


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


def test_the_shipped_recipe_weighs_tasks_that_were_written() -> None:
    weighed = read_settings(META / "shipped.toml").weights
    assert {task.name for task in read_catalog(META / "written")} & set(weighed)
