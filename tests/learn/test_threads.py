from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from monitor.learn.threads import single_threaded


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_inside_and_as_many_as_before_after() -> None:
    @single_threaded
    def product(size: int) -> tuple[set[int], float]:
        return blas_threads(), float(np.ones((size, size)) @ np.ones(size) @ np.ones(size))

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        inside, found = product(3)
        assert inside == {1}
        assert found == 9
        assert blas_threads() == before


def test_the_limit_goes_when_the_function_fails() -> None:
    @single_threaded
    def fail() -> None:
        raise ValueError("no")

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ValueError, match="no"):
            fail()
        assert blas_threads() == before
