"""The derivations of the cells, run: every printed equation against the layer, and every label against the code."""

import ast
import importlib
import inspect
import re

import numpy as np
import pytest
from cell_pages import VARIANTS, derivation, read
from docstrings import Docstring
from printed import LABELLED, assert_same, labels_of, namespace, rows

CELLS = ["rnn", "gru", "lstm"]
every_cell = pytest.mark.parametrize("cell", CELLS)
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def module_of(cell):
    return importlib.import_module(f"npseq.layers.{cell}")


def forward_labels(cell):
    return set(Docstring(module_of(cell).__doc__).labels())


@every_variant
def test_the_printed_lines_are_the_layer(variant):
    d = derivation(variant)
    states = [d.given[name][None] for name in ("h", "c") if name in d.given]
    adjoints = [d.given[name][None] for name in ("dh_new", "dc_new") if name in d.given]
    y, after, tape = d.layer.forward(d.given["x"][None], states if "c" in d.given else states[0])
    dx, before, grads = d.layer.backward(None, tape, adjoints if "c" in d.given else adjoints[0])
    if "c" not in d.given:
        after, before = (after,), (before,)
    assert_same(d.names["h_new"], y[0], "y")
    assert_same(d.names["dx"], dx[0], "dx")
    for k in range(len(states)):
        assert_same(d.names[("h_new", "c_new")[k]], after[k][0], "the state after")
        assert_same(d.names[("dh", "dc")[k]], before[k][0], "the adjoint of the state before")
    for name, value in grads.items():
        assert_same(d.names[f"d{name}"], value, f"d{name}")


@every_variant
def test_the_printed_backward_is_the_derivative_of_the_printed_forward(variant):
    """By a complex step of every entry: without the layer."""
    d = derivation(variant)
    forward = forward_labels(variant.split()[0])
    lines = [line for code in d.code for line in code.splitlines() if set(LABELLED.findall(line)) & forward]
    program = compile("\n".join(lines), "forward", "exec")

    def loss(name, value):
        names = namespace(d.given | {name: value})
        exec(program, names)
        return sum((d.given[f"d{out}"] * names[out]).sum() for out in ("h_new", "c_new") if f"d{out}" in d.given)

    for name in ("x", "h", "c", *d.layer.params):
        if name not in d.given:
            continue
        numeric = np.empty(d.given[name].shape)
        for index in np.ndindex(numeric.shape):
            stepped = d.given[name].astype(complex)
            stepped[index] += 1e-30j
            numeric[index] = loss(name, stepped).imag / 1e-30
        assert_same(d.names[f"d{name}"], numeric, f"d{name}")


@every_variant
def test_no_printed_line_writes_over_another(variant):
    tree = ast.parse("\n".join(derivation(variant).code))
    assigned = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    assert sorted(assigned) == sorted(set(assigned))


@every_cell
def test_every_forward_label_is_in_docstring_derivation_and_code(cell):
    text, source = read(cell), inspect.getsource(module_of(cell))
    section = text.split("## Forward\n")[1].split("\n## ")[0]
    comments = set(re.findall(r"[RGL]\d+", " ".join(re.findall(r"#(.*)", source.split('"""', 2)[2]))))
    forward = forward_labels(cell)
    assert set(re.findall(r"[RGL]\d+", section)) == forward
    assert comments <= forward
    assert forward - comments <= {"R1"}, "the plain cell's product stands in the loop over time"


@every_cell
def test_every_label_has_a_formula_and_a_line_and_none_is_missing(cell):
    text = read(cell)
    formulas = {row.label for row in rows(text)}
    lines = labels_of(re.findall(r"^```python[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    identities = {"R11", "R12", "R13"} if cell == "rnn" else set()
    assert lines == formulas | identities
    initial = cell[0].upper()
    assert lines == {f"{initial}{k}" for k in range(1, len(lines) + 1)}
    assert set(re.findall(rf"\b{initial}\d+\b", text)) == lines


@every_cell
def test_every_line_of_the_backward_pass_has_its_row(cell):
    """Method and comment of each line of the backward pass, against the derivation's last table."""
    code = set()
    for method in ("local_derivatives", "backward", "vector_gradients"):
        source = inspect.getsource(getattr(getattr(module_of(cell), f"{cell.upper()}Cell"), method))
        code |= {(method, comment) for comment in re.findall(r"# (\([RGL].*)$", source, re.MULTILINE)}
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .*\([RGL]\d+\).* \|$", read(cell), re.MULTILINE)
    assert {(method, reverses.replace("\\|", "|")) for method, reverses in rows} == code
