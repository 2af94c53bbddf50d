"""npseq's own training step in compiled loops: the extra `fast`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case
from benchmarks.problem import Problem
from benchmarks.rivals import Built, npseq_step
from npseq.cpu import CURRENT


def supports(case: Case) -> bool:
    return True


def build(given: Problem) -> Built:
    return Built(*map(_compiled, npseq_step.build(given)))


def _compiled(run: Callable[[], Any]) -> Callable[[], Any]:
    def asked_for() -> Any:
        CURRENT.compiled = True
        try:
            return run()
        finally:
            CURRENT.compiled = False

    return asked_for
