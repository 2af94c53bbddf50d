"""Checks a program on all cases: which it has right, which wrong and where, which it says it cannot have."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from npseq.diagnosis import diagnose
from npseq.vectors.cases import Case, Problem, problem
from npseq.vectors.comparison import Difference, compare
from npseq.vectors.layouts import from_layout
from npseq.vectors.messages import INPUTS, OUTPUTS, Skipped, as_json, as_text, expected, from_json, from_text, question
from npseq.vectors.port import Port, PortError

RTOL = 1e-9


class Result(NamedTuple):
    """What came of one case."""

    case: str
    status: str  # "pass", "fail", "error" or "skip"
    text: str = ""  # the wrong entry, the error, or the reason
    worst: Difference | None = None
    answered: int = 0  # tensors
    of: int = 0
    answer: dict[str, np.ndarray] | None = None

    def __str__(self) -> str:
        tensors = f"{self.answered} of {self.of}" if self.of else ""
        error = "" if self.worst is None else f"{self.worst.error:.1e}"
        text = "" if self.status == "pass" else self.text
        return f"{self.case:<52}{self.status:<7}{tensors:<10}{error:<9}{text}".rstrip()


def check(
    port: Port, cases: Iterable[Case], layout: str = "npseq", rtol: float = RTOL, json: bool = False
) -> Iterator[Result]:
    """Yields what comes of each case.

    Args:
        port: the program.
        cases: those that it is asked.
        layout: of the weights that it gets, and of the derivatives by them that it answers.
        rtol: how far an entry may be off, relative to its tensor's largest, in y and dx to its step's largest.
        json: whether questions and answers are lines of JSON.
    """
    for case in cases:
        given = problem(case)
        try:
            asked = question(given, layout)
            reply = port.ask((as_json if json else as_text)(asked))
            answer = (from_json if json else from_text)(reply)
            right = expected(given, layout)
            worst = _worst(answer, right, rtol)
        except Skipped as reason:
            yield Result(case.name, "skip", str(reason))
        except (PortError, ValueError) as error:
            yield Result(case.name, "error", str(error))
        else:
            status = "pass" if worst.error <= rtol else "fail"
            yield Result(case.name, status, str(worst), worst, len(answer), len(right), answer)


def _worst(answer: dict[str, np.ndarray], right: dict[str, np.ndarray], rtol: float) -> Difference:
    """The worst entry; where an output is wrong, the worst of the outputs, because gradients follow from them."""
    worst = compare(answer, right)
    outputs = {name: answer[name] for name in OUTPUTS if name in answer}
    first = compare(outputs, right) if outputs else worst
    return first if first.error > rtol else worst


def verdict(results: list[Result]) -> str:
    """Returns one line: how many cases of which kind."""
    counts = Counter(result.status for result in results)
    told = (("pass", "right"), ("fail", "wrong"), ("error", "without an answer"), ("skip", "skipped"))
    return f"{len(results)} cases: " + ", ".join(f"{counts[status]} {word}" for status, word in told)


def reasons(results: list[Result]) -> Iterator[str]:
    """Yields why cases were skipped, the most frequent reason first."""
    for reason, count in Counter(result.text for result in results if result.status == "skip").most_common():
        yield f"skipped {count}: {reason}"


def named_mistake(results: Iterable[Result], cases: Iterable[Case], layout: str) -> str:
    """Returns which known mistake has the numbers of the first case that is wrong in a gradient alone, or ""."""
    by_name = {case.name: case for case in cases}
    for one in results:
        case = by_name[one.case]
        if one.status == "fail" and one.worst is not None and one.worst.name not in OUTPUTS and not case.truncated:
            return f"{case.name}: {_diagnosed(problem(case), one.answer or {}, layout)}"
    return ""


def _diagnosed(given: Problem, answer: dict[str, np.ndarray], layout: str) -> Any:
    inputs, gradients = given.inputs, {name[1:]: value for name, value in answer.items() if name.startswith("d")}
    grads = from_layout(given.layer, gradients, layout)
    grads |= {name: gradients[name] for name in INPUTS if name in gradients}
    pairs = (tuple(inputs[name] for name in names if name in inputs) for names in (("h0", "c0"), ("dh", "dc")))
    state, dstate = (pair if len(pair) == 2 else pair[0] for pair in pairs)
    return diagnose(given.layer, inputs["x"], inputs["dy"], grads, state, inputs["lengths"], dstate=dstate)
