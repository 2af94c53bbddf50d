"""Every operation that a trace may hold is one that the compiled text has."""

from __future__ import annotations

from npseq.compiled.source import PYTHON
from npseq.gpu.operations import OPERATIONS


def test_every_operation_of_a_trace_has_its_text():
    assert PYTHON.keys() == OPERATIONS.keys()
    for name, operation in OPERATIONS.items():
        for argument in ("{0}", "{1}", "{2}"):
            assert (argument in PYTHON[name]) == (argument in operation.code)
