"""What pytest finds by itself once npseq is installed: the fixture `assert_gradients`."""

from collections.abc import Callable

import pytest


@pytest.fixture
def assert_gradients() -> Callable[..., None]:
    """Returns `npseq.testing.assert_gradients`: (f, at, gradient=None, method="central", rtol=None, rng=None)."""
    from npseq.testing import assert_gradients

    return assert_gradients
