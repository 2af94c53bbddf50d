"""Settings hold from the call on, or inside a `with` until its end."""

from __future__ import annotations

import importlib.util

import pytest

import npseq as ns
from npseq.cpu import CURRENT, settings


def test_settings_are_put_back_at_the_end_of_a_with(monkeypatch):
    monkeypatch.setattr("npseq.cpu.find_spec", lambda name: object())
    with settings(compiled=True) as current:
        assert current is CURRENT
        assert current.compiled
        with settings(compiled=False):
            assert not current.compiled
        with pytest.raises(ZeroDivisionError), settings(compiled=False):
            raise ZeroDivisionError
        assert current.compiled
    assert not CURRENT.compiled


def test_they_hold_from_the_call_on(monkeypatch):
    monkeypatch.setattr("npseq.cpu.find_spec", lambda name: object())
    settings(compiled=True)
    assert CURRENT.compiled
    settings()
    assert CURRENT.compiled
    settings(compiled=False)
    assert not CURRENT.compiled


def test_what_is_wrong_changes_nothing(monkeypatch):
    monkeypatch.setattr("npseq.cpu.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs Numba, which is not installed; pip install 'npseq\[fast\]'"):
        settings(compiled=True)
    with pytest.raises(TypeError, match="compiled must be True or False, got 'yes'"):
        settings(compiled="yes")
    assert not CURRENT.compiled


@pytest.mark.skipif(importlib.util.find_spec("numba") is not None, reason="Numba is installed")
def test_it_needs_numba():
    with pytest.raises(ImportError, match="Numba"):
        ns.settings(compiled=True)
