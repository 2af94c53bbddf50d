"""The compiled path needs Numba, which is an extra."""

from __future__ import annotations

import pytest

import npseq as ns


@pytest.fixture
def compiled(monkeypatch):
    """Asks for it in one test, for batches that are too small to gain by it too."""
    pytest.importorskip("numba", reason="the extra `fast` is not installed")
    monkeypatch.setattr("npseq.bptt.compiled.FEW_COLUMNS", 0)
    with ns.settings(compiled=True):
        yield
