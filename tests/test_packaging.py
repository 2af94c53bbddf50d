"""What an installation holds, and what importing it loads."""

from __future__ import annotations

import ast
import configparser
import json
import shutil
import subprocess
import sys
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
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])
    optional = {"cupy", "mpi4py", "onnx", "onnxruntime"}  # each in the extra that its feature names
    assert imported - set(sys.stdlib_module_names) - {"npseq"} - optional <= declared


def test_the_version_is_the_changelogs_newest(metadata):
    assert metadata["metadata"]["version"] == "attr: npseq.__version__"
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in changelog.splitlines() if line.startswith("## ["))
    assert newest.startswith(f"## [{npseq.__version__}] - ")


def test_a_wheel_holds_every_file_of_the_package(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source / "npseq", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    wheel = zipfile.ZipFile(tmp_path / built.stdout.split()[-1])
    files = {p.relative_to(source).as_posix() for p in (source / "npseq").rglob("*") if p.is_file()}
    assert files <= set(wheel.namelist())
    assert "npseq/py.typed" in files
    entry_points = wheel.read(f"npseq-{npseq.__version__}.dist-info/entry_points.txt").decode()
    assert "npseq = npseq.cli:main" in entry_points
    assert f"npseq-{npseq.__version__}.dist-info/licenses/LICENSE" in wheel.namelist()
