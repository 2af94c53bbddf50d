"""What an installation holds, and what importing it loads."""

import ast
import configparser
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import npseq

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "npseq"


def imported_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(result.stdout)}


@pytest.fixture(scope="module")
def metadata() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    assert parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> set[str]:
    return {line.partition(">")[0] for line in text.split()}


def test_importing_npseq_loads_numpy_and_nothing_else_that_is_installed():
    loaded = imported_by("import npseq") - imported_by("import numpy.random")
    assert loaded - set(sys.stdlib_module_names) == {"npseq"}


def test_every_part_loads_what_only_some_of_its_functions_need_when_they_run():
    parts = ("cli", "data", "gradcheck", "inspect", "interop.torch", "models", "optim", "testing")
    loaded = imported_by("import " + ", ".join(f"npseq.{part}" for part in parts))
    assert not loaded & {"matplotlib", "pooch", "safetensors", "tqdm", "threadpoolctl", "torch", "cupy", "jax", "scipy"}


def test_every_import_of_the_package_is_a_declared_dependency(metadata):
    options = metadata["options"]
    declared = requirements(options["install_requires"])
    for extra in metadata["options.extras_require"].values():
        declared |= {name.replace("cupy-cuda12x[ctk]", "cupy") for name in requirements(extra)}
    declared |= {"cupyx"} if "cupy" in declared else set()  # CuPy's other module
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) - {"npseq"} <= declared


def test_the_version_is_the_changelogs_newest(metadata):
    assert metadata["metadata"]["version"] == "attr: npseq.__version__"
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in changelog.splitlines() if line.startswith("## ["))
    assert newest.startswith(f"## [{npseq.__version__}] - ")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The wheel and the sdist, built from a copy of what a release is made of."""
    pytest.importorskip("setuptools", minversion="77")
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "figures", ".*")
    for name in ("npseq", "tests", "examples", "paper", ".ci"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / name, source)
    found = {}
    for kind in ("sdist", "wheel"):
        code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
        command = [sys.executable, "-c", code, str(folder)]
        output = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout
        found[kind] = folder / output.split()[-1]
    return found


def test_a_wheel_holds_every_file_of_the_package(built):
    wheel = zipfile.ZipFile(built["wheel"])
    files = {p.relative_to(ROOT).as_posix() for p in PACKAGE.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == files
    assert "npseq/py.typed" in files
    entry_points = wheel.read(f"npseq-{npseq.__version__}.dist-info/entry_points.txt").decode()
    assert "npseq = npseq.cli:main" in entry_points
    assert f"npseq-{npseq.__version__}.dist-info/licenses/LICENSE" in wheel.namelist()


def test_an_sdist_holds_what_its_tests_need(built):
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("npseq", "tests", "examples"):
        paths = (p for p in (ROOT / folder).rglob("*.py"))
        assert {p.relative_to(ROOT).as_posix() for p in paths} <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "setup.cfg", "npseq/py.typed"} <= names
    assert {"CITATION.cff", "paper/paper.md", "paper/paper.bib", ".ci/lowest.txt", ".ci/run"} <= names


USE = """
import importlib.resources, sys
import numpy as np, npseq as ns
assert ns.__file__.startswith(sys.argv[1]), ns.__file__
assert importlib.resources.files("npseq").joinpath("py.typed").is_file()
print(ns.gradcheck_layer(ns.LSTM(3, 4, dtype=np.float64, rng=0), np.random.default_rng(0).normal(size=(5, 2, 3))))
"""
TESTS = ("layers/test_lstm.py", "initializers/test_values.py")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_installed_works_away_from_its_source(kind, built, tmp_path):
    """In an environment that has nothing of this checkout: only npseq is its own, what npseq needs it finds here."""
    python = environment(tmp_path / "env")
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *offline, built[kind], cwd=tmp_path)
    assert "passed" in run(python, "-c", USE, site, cwd=tmp_path)
    command = python.with_name("npseq")
    assert run(command, "--version", cwd=tmp_path) == f"npseq {npseq.__version__}\n"
    options = ("--hidden-size", "8", "--epochs", "2", "--max-tokens", "2000", "--batch-size", "4", "--quiet")
    run(command, "train", *options, "--out", tmp_path / "run", cwd=tmp_path)
    assert (tmp_path / "run" / "model.safetensors").is_file()
    with tarfile.open(built["sdist"]) as archive:
        archive.extractall(tmp_path, filter="data")
    tests = tmp_path / f"npseq-{npseq.__version__}" / "tests"
    shutil.move(tests, tmp_path / "tests")  # away from the sdist's own npseq/
    tests = [tmp_path / "tests" / name for name in TESTS]
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", tmp_path)
    assert " passed" in run(python, "-m", "pytest", *options, *tests, cwd=tmp_path)


def environment(folder: Path) -> Path:
    """The interpreter of a new virtual environment without packages."""
    venv.EnvBuilder(with_pip=False).create(folder)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command: object, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
