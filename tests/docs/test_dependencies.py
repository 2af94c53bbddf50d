"""docs/dependencies.md has a reason for every package that setup.cfg asks for."""

import configparser
import re

import pytest
from printed import ROOT, text_of

PAGE = text_of("docs/dependencies.md").lower()
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
ASKED = [SETUP["options"]["install_requires"], *SETUP["options.extras_require"].values()]
PACKAGES = sorted({re.match(r"[\w-]+", line)[0].lower() for lines in ASKED for line in lines.split("\n") if line})
CALLED = {"cupy-cuda12x": "cupy", "cupy-cuda13x": "cupy", "torch": "pytorch", "myst-parser": "myst", "impi-rt": "mpich"}


def test_some_are_asked_for():
    assert {"numpy", "torch", "pytest"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_its_reason(package):
    assert CALLED.get(package, package) in PAGE


@pytest.mark.parametrize("extra", sorted(SETUP["options.extras_require"]))
def test_an_extra_has_its_row(extra):
    assert f"`{extra}`" in PAGE


def test_the_lowest_versions_are_those_that_are_asked_for():
    lowest = dict(re.findall(r"^([\w-]+)==([\d.]+)", text_of(".ci/lowest.txt"), re.MULTILINE))
    wanted = [line for lines in ASKED[:1] for line in lines.split("\n") if line]
    for name, version in (line.split(">=") for line in wanted):
        assert lowest[name].startswith(version), name
