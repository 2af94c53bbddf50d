"""docs/guides/check_any_code.md: every block runs, against the real framework where it is installed, and passes."""

import os
import re
import warnings

import pytest
from printed import ROOT

import npseq as ns

PAGE = (ROOT / "docs" / "guides" / "check_any_code.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("KERAS_HOME", "build/keras")


def run(blocks, names):
    for code in blocks:
        names.pop("report", None)
        exec(compile(code, "check_any_code.md", "exec"), names)
        if "report" in names:
            assert names["report"].passed, code
    return names


def test_the_lines_for_numpy():
    names = run([code for word, code in BLOCKS if not word], {})
    names["test_gradient"](ns.testing.assert_gradients)
    assert ns.gradcheck(*names["case"]()).passed


@pytest.mark.parametrize("word", ["torch", "jax", "keras", "onnxruntime"])
def test_the_lines_for_a_framework(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the frameworks' own imports
        framework = pytest.importorskip(word, exc_type=ImportError)
    before = framework.config.jax_enable_x64 if word == "jax" else None
    try:
        names = run([code for kind, code in BLOCKS if kind in ("", word)], {})
    finally:
        if word == "jax":
            framework.config.update("jax_enable_x64", before)
    assert word != "torch" or names["passed"]
    if word == "onnxruntime":
        layer, x = ns.RNN(3, 2, rng=0), names["rng"].normal(size=(5, 2, 3))
        assert names["f"]({"x": x}) == names["f"]({"x": x})
        assert layer.forward(x.astype("f"))[0].shape == (5, 2, 2)


def test_there_are_ten_kinds_and_more():
    assert len(re.findall(r"^(?:report|passed|f) = ns\.|^passed = ", PAGE, re.MULTILINE)) >= 10
