"""Linear algebra on one thread while a head is fitted.

A fit is thousands of small products. Where threads share them, each ends in a wait for the slowest; on a machine
that does anything else this makes a fit many times slower, and alone it gains little. And sums
are then made in one order: the same seeds give the same head whatever the number of cores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def single_threaded(function: Callable[P, R]) -> Callable[P, R]:
    """While ``function`` runs, numpy and scipy multiply on one thread; torch is not touched.

    The limit is the process's: calls that overlap in two threads may leave it behind, which costs speed in large
    products only, and those are torch's.
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone


@cache
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401  # what is not loaded yet would not be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
