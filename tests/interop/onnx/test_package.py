"""The onnx package is loaded when it is needed, and its absence names the extra."""

import sys

import pytest
from interop.onnx.graph_interpreter import fake_onnx

from npseq.interop.onnx import package


def test_what_needs_onnx_and_the_extra_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"this needs onnx, which is not installed; pip install 'npseq\[onnx\]'"):
        package.onnx_for("this")


def test_the_module_is_returned_where_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", fake := fake_onnx())
    assert package.onnx_for("this") is fake
