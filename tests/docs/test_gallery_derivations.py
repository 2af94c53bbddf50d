"""The derivations of the gallery's cells, run: printed lines against the layer, printed equations misprinted."""

import importlib
import inspect
import re
from functools import cache

import numpy as np
import pytest
from docstrings import Docstring
from evaluation import every, holds
from mathematics import latex
from misprints import FAILURES, misprints
from printed import ROOT, assert_same, blocks, inline, labels_of, namespace, rows, run, sigmoid, text_of

import npseq as ns
from npseq.bptt.blocks import blocks_of

CELLS = {
    type(cell).__module__.rpartition(".")[2]: cell for cell in (getattr(ns.gallery, n)() for n in ns.gallery.__all__)
}
CELLS |= {"ind_rnn": ns.gallery.IndRNNCell("tanh"), "zoneout_lstm": ns.gallery.ZoneoutLSTMCell(0.5, 0.5)}
B, D, H = 4, 2, 3
every_page = pytest.mark.parametrize("page", CELLS)


def read(page):
    return text_of(f"docs/derivations/gallery/{page}.md")


@cache
def derivation(page):
    """(the layer, what is given, what the lines made of it)."""
    cell = CELLS[page]
    layer = ns.Recurrent(cell, D, H, dtype=np.float64, rng=0)
    rng = np.random.default_rng(1)
    layer.params.flat[:] = rng.normal(size=layer.params.flat.shape)
    given = {"x": rng.normal(size=(B, D))} | dict(layer.params)
    for part in cell.state:  # all but h are positive, as the sLSTM's n must be
        given[part] = rng.normal(size=(B, H)) if part == "h" else rng.uniform(0.2, 1, (B, H))
        given[f"d{part}_new"] = rng.normal(size=(B, H))
    given |= {name: mask.T for name, mask in zip(cell.masks, drawn(layer), strict=True)} | vars(cell)
    given |= {"phi": np.tanh, "J": np.full((H, H), 1 / H), "cos": np.cos, "sin": np.sin}
    return layer, given, {"dh": np.zeros((B, H))} | run(blocks(read(page)), given)


def agree(found, expected, name):
    """As `assert_same`; of a cell that does not read h, dh is 0."""
    if name in ("dh", "d{}") and not expected.any():
        np.testing.assert_array_equal(found, expected)
    else:
        assert_same(found, expected, name)


def drawn(layer):
    """The masks (H, B) of every training step that begins with this seed."""
    layer.dropout.rng = np.random.default_rng(5)
    tape = layer.forward(np.zeros((1, B, D)), training=True)[2]
    return tape.strands[0][0].a[0, len(blocks_of(layer.cell).names) :][: len(layer.cell.masks)]


@every_page
def test_the_printed_lines_are_the_layer(page):
    layer, given, names = derivation(page)
    further = layer.cell.state[1:]

    def state(of):
        h, c = names[of.format("h")], [names[of.format(part)] for part in further]
        return (h[None], np.concatenate(c, axis=1)[None]) if c else h[None]

    layer.dropout.rng = np.random.default_rng(5)
    y, after, tape = layer.forward(given["x"][None], state("{}"), training=True)
    dx, before, grads = layer.backward(None, tape, state("d{}_new"))
    assert_same(names["h_new"], y[0], "y")
    assert_same(names["dx"], dx[0], "dx")
    for found, of in ((after, "{}_new"), (before, "d{}")):
        wanted = state(of)
        pairs = zip(found, wanted, strict=True) if further else [(found, wanted)]
        for one, other in pairs:
            agree(one[0], other[0], of)
    for name, value in grads.items():
        assert_same(names[f"d{name}"], value, f"d{name}")


@every_page
def test_the_printed_backward_is_the_derivative_of_the_printed_forward(page):
    """By a complex step of every entry: without the layer."""
    layer, given, names = derivation(page)
    forward = blocks(read(page))[0]
    program = compile(forward, "forward", "exec")

    def loss(name, value):
        at = namespace(given | {name: value})
        exec(program, at)
        return sum((given[f"d{part}_new"] * at[f"{part}_new"]).sum() for part in layer.cell.state)

    for name in ("x", *layer.cell.state, *layer.params):
        numeric = np.empty(given[name].shape)
        for index in np.ndindex(numeric.shape):
            stepped = given[name].astype(complex)
            stepped[index] += 1e-30j
            numeric[index] = loss(name, stepped).imag / 1e-30
        agree(names[f"d{name}"], numeric, f"d{name}")


def primed(names):
    found = {name.removesuffix("_new") + "'": value for name, value in names.items() if name.endswith("_new")}
    return {**names, **found, "sigma": sigmoid}


@every_page
def test_a_printed_equation_holds_and_misprinted_does_not(page):
    names = primed(derivation(page)[2])
    for row in rows(read(page)):
        places = [*every(k=row.family)] if row.family else [{}]
        for equation in latex(row.text):
            if "[" in row.text:  # 1 where what stands in brackets holds, else 0
                continue
            holds(equation, names, places)
            for wrong in misprints(equation):
                with pytest.raises(FAILURES):
                    holds(wrong, names, places)
    assert not [formula for formula in inline(read(page)) if "=" in formula]


@every_page
def test_labels_of_page_docstring_and_code_are_the_same(page):
    text, module = read(page), importlib.import_module(f"npseq.gallery.{page}")
    lines = labels_of(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert lines == {row.label for row in rows(text)} == {f"C{k}" for k in range(1, len(lines) + 1)}
    forward = set(re.findall(r"C\d+", text.split("## Forward\n")[1].split("\n## ")[0]))
    assert set(Docstring(module.__doc__).labels()) == forward
    source = inspect.getsource(module).split('"""', 2)[2]
    comments = set(re.findall(r"C\d+", " ".join(re.findall(r"#(.*)", source))))
    products = {row.label for row in rows(text) if re.match(r"a_(\w+|k) = ", row.text)}
    assert comments <= forward
    assert forward - comments <= products | ({"C6", "C7"} if page == "layer_norm_lstm" else set())
    assert f"npseq/gallery/{page}.py" in text


def test_every_cell_has_its_page():
    assert {path.stem for path in (ROOT / "docs" / "derivations" / "gallery").glob("*.md")} == set(CELLS)
