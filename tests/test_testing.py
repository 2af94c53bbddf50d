"""assert_gradients raises with the table of the check, and its module loads neither layers nor Matplotlib."""

import subprocess
import sys

import numpy as np
import pytest

from npseq.testing import assert_gradients

AT = {"W": np.random.default_rng(0).standard_normal((3, 4)), "s": np.array(2.0)}
TANH = np.tanh(AT["W"])
RIGHT = {"W": 2 * TANH * (1 - TANH**2) * 2.0, "s": (TANH**2).sum()}
WRONG = {**RIGHT, "W": RIGHT["W"] * np.where(np.arange(12).reshape(3, 4) == 6, 1.5, 1)}


def f(p):
    return (np.tanh(p["W"]) ** 2).sum() * p["s"]


def test_assert_gradients_raises_with_the_table():
    assert assert_gradients(f, AT, RIGHT) is None
    assert assert_gradients(f, AT, RIGHT, method="complex", rtol=1e-13, rng=3) is None
    with pytest.raises(AssertionError, match=r"(?s)NOT PASSED.*tensor.*W .*fail"):
        assert_gradients(f, AT, WRONG)


def test_what_the_check_cannot_decide_fails():
    with pytest.raises(AssertionError, match="inconclusive"):
        assert_gradients(lambda p: 1e3 + 1e-13 * f(p), AT, {name: 1e-13 * value for name, value in RIGHT.items()})


def test_a_wrong_argument_is_refused_as_by_gradcheck():
    with pytest.raises(ValueError, match="gradient must have the names of at, 'W', 's'; missing: 's'"):
        assert_gradients(f, AT, {"W": RIGHT["W"]})


def test_it_imports_neither_layers_nor_matplotlib():
    """An empty package takes the place of npseq itself, which may import anything."""
    code = (
        "import sys, types, importlib.util as u; s = u.find_spec('npseq'); m = types.ModuleType('npseq'); "
        "m.__path__ = list(s.submodule_search_locations); sys.modules['npseq'] = m; import npseq.testing; "
        "watched = ('npseq.', 'matplotlib', 'scipy', 'safetensors'); "
        "own = ('npseq.gradcheck', 'npseq.files', 'npseq.plot'); "
        "print(sorted(n for n in sys.modules if n.startswith(watched) and not n.startswith(own)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ground = ("arguments", "arrays", "backend", "cpu", "shown", "testing", "threads")
    assert out.strip() == str([f"npseq.{name}" for name in ground])
