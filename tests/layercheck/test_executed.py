"""`npseq gradcheck` executes every line of the cells, the loop, the sums and the tape, each `if` both ways."""

import ast
import inspect
import sys
from collections import defaultdict

from npseq.bptt import gradients, loop, tape
from npseq.layercheck import matrix, sizes
from npseq.layers import gru, lstm, rnn

MODULES = {module.__file__: inspect.getsource(module) for module in (rnn, gru, lstm, loop, gradients, tape)}
ELSEWHERE = (  # on a device, in compiled loops, for other cells than the three, ns.inspect, dc, clamps, own strides
    "npseq.gpu",
    "return fused(cell)",
    "partial(matmul, matrix)",
    "isinstance(like, HOST)",
    "loops.forward(",
    "loops.backward(",
    "cell.backward((dnew[0]",
    "np.concatenate(dparts)",
    "return step",
    "_beside_lags(part, lags) for part in",
    "list(pairwise(steps))",
    "columns_of_h:] = 0",
    "of_blocks(",
    "to_blocks(",
    "record(t, dh, dc)",
    "step = around(step)",
    "source.strides[-1] == source.itemsize",
)
PRINTING = ("__repr__", "describe", "_described")


def traced(run):
    """{file: {(line before, line)}} of the modules above, while run() runs."""
    arcs = defaultdict(set)

    def start(frame, event, argument):
        if frame.f_code.co_filename not in MODULES:
            return None
        seen, last = arcs[frame.f_code.co_filename], None

        def line(frame, event, argument):
            nonlocal last
            if event in ("line", "return"):
                seen.add((last, frame.f_lineno if event == "line" else "end"))
                last = frame.f_lineno
            return line

        return line

    before = sys.gettrace()
    sys.settrace(start)
    try:
        run()
    finally:
        sys.settrace(before)
    return arcs


def lines_of(code):
    """The lines of all functions in a module's code, but for those that print."""
    found = set()
    for constant in code.co_consts:
        if inspect.iscode(constant) and constant.co_name not in PRINTING:
            if constant.co_flags & inspect.CO_OPTIMIZED:
                found |= {line for _, _, line in constant.co_lines() if line and line != constant.co_firstlineno}
            found |= lines_of(constant)
    return found


def not_executed(file, text, arcs):
    """The lines of a module that no arc has reached, and the `if`s that went one way only."""
    source = text.splitlines()
    reached = {line for arc in arcs for line in arc}
    wanted = {n for n in lines_of(compile(text, file, "exec")) if not source[n - 1].strip().startswith(("def ", "@"))}
    tests = {node.lineno: node.body[0].lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.If)}
    one_way = {n for n, body in tests.items() if n in wanted and not any(a == n != b != body for a, b in arcs)}
    left = [(n, source[n - 1].strip()) for n in sorted((wanted - reached) | one_way)]
    return [f"{n}: {line}" for n, line in left if line != "return" and not any(word in line for word in ELSEWHERE)]


def run_some():
    """A part of what `npseq gradcheck` runs."""
    for case in matrix.matrix(["rnn", "gru", "lstm"], ["complex"], quick=True):
        if case.layers * case.directions == 1 and (case.truncated is None or case.variant == "both"):
            matrix.check(case)
    for case in matrix.matrix(["linear"], ["complex"]):
        matrix.check(case)
    for case in sizes.size_cases(["rnn", "gru", "lstm"]):
        if case.variant in ("tanh", "reset before") or (case.variant, case.size) == ("both", "a ragged stack"):
            sizes.check_size(case)


def test_every_line_is_executed_and_every_branch_taken_both_ways():
    arcs = traced(run_some)
    missing = {file: not_executed(file, text, arcs[file]) for file, text in MODULES.items()}
    assert missing == {file: [] for file in MODULES}


def test_what_is_not_executed_is_told():
    text = "def f(x):\n    if x:\n        x = 2\n    return x\n"
    assert not_executed("f.py", text, {(None, 2), (2, 3), (3, 4)}) == ["2: if x:"]
    assert not_executed("f.py", text, {(None, 2), (2, 4)}) == ["3: x = 2"]
    assert not_executed("f.py", text, {(None, 2), (2, 4), (2, 3)}) == []
