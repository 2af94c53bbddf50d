"""The fixture that pytest finds by itself."""

import configparser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ANNOUNCED = any(point.value == "npseq.pytest_plugin" for point in entry_points(group="pytest11"))


def test_the_fixture_fails_a_test_with_the_report(pytester: pytest.Pytester):
    pytester.makepyfile(
        """
        import numpy as np

        def test_right(assert_gradients):
            assert_gradients(lambda x: (x**2).sum(), np.ones(2), lambda x: 2 * x)

        def test_wrong(assert_gradients):
            assert_gradients(lambda x: (x**2).sum(), np.ones(2), lambda x: 3 * x)
        """
    )
    found = [] if ANNOUNCED else ["-p", "npseq.pytest_plugin"]  # pytest takes no plugin twice
    result = pytester.runpytest(*found, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: NOT PASSED: 1 of 1 tensor wrong: x (every entry) *"])


def test_it_is_what_an_installed_npseq_announces():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg", "utf-8")
    assert setup["options.entry_points"]["pytest11"].split() == ["npseq", "=", "npseq.pytest_plugin"]
