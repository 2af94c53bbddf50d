"""The compiled path needs Numba, which is an extra."""

from __future__ import annotations

import pytest

import npseq as ns


@pytest.fixture
def compiled():
    """Asks for it in one test."""
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    with ns.settings(compiled=True):
        yield
