"""A cell that does not fulfil its contract is refused when a layer is made of it, with what must hold."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers.contract import check_cell, initial_values
from npseq.layers.lstm import LSTMCell


class Leaky(ns.Cell):
    """h' = h + rate (tanh(u) - h), without local derivatives."""

    rate: float = 0.5
    gates = ("u",)

    def forward(self, a, old, new, p, project):
        np.tanh(a[0], out=a[0])
        new[0][...] = old[0] + self.rate * (a[0] - old[0])

    def backward(self, dnew, a, s, da, p, project):
        da[0] = dnew[0] * self.rate * (1 - a[0] ** 2)
        return (dnew[0] * (1 - self.rate),)


def changed(base=Leaky, **members):
    """A class that extends another, with these members."""
    return type("Mine", (base,), members)()


def forward(*lines):
    """A forward that is Leaky's and then these."""

    def run(self, a, old, new, p, project):
        Leaky.forward(self, a, old, new, p, project)
        for line in lines:
            line(self, a, old, new)

    return run


def backward(returned=None, write=lambda *arguments: None):
    def run(self, dnew, a, s, da, p, project):
        passed = Leaky.backward(self, dnew, a, s, da, p, project)
        write(dnew, a, s, da)
        return passed if returned is None else returned(dnew)

    return run


def twice_written(self, a, old, new, p, project):
    """Of a state h and c, with h written before it is read again."""
    new[0][...] = np.tanh(a[0])
    new[1][...] = old[1] + old[0]


def nothing(self, *arguments):
    return None


TWO = {"state": ("h", "c"), "forward": forward(lambda self, a, old, new: new[1].__setitem__(..., old[1]))}
GATES = {
    "gates = ('u')": ({"gates": "u"}, TypeError, r"Mine.gates must be a tuple of names, got 'u'; write \('u',\)"),
    "a list": ({"gates": ["u"]}, TypeError, r"Mine.gates must be a tuple of names, got \['u'\]"),
    "no name": ({"gates": ("u v",)}, TypeError, "Mine.gates must be a tuple of names"),
    "no gate": ({"gates": ()}, ValueError, r"Mine must have a gate and a state whose first part is h, got gates \(\)"),
    "one twice": ({"gates": ("u", "u")}, ValueError, "Mine.gates must differ"),
    "a layer's ending": ({"gates": ("u_l1",)}, ValueError, "not end as a layer's number does"),
    "no h": ({"state": ("c",)}, ValueError, "a state whose first part is h, got gates .* and state .'c',."),
    "another block of h": ({"h_blocks": ("v",)}, ValueError, "Mine.h_blocks must be gates, or an h and a gate's name"),
    "names that meet": ({"vectors": ("W_xu",)}, ValueError, "each parameter and block a name of its own"),
    "a saved gate": ({"saved": ("u",)}, ValueError, "each parameter and block a name of its own"),
    "masks are no mapping": ({"masks": ("z",)}, TypeError, "Mine.masks must be {name: probability}"),
    "no probability": ({"masks": {"z": 1.5}}, ValueError, r"Mine.masks\['z'\] must be in \[0, 1\]"),
    "masks unread": ({"masks": {"z": 0.5}, "reads_gates": False}, ValueError, "reads_gates must be True for masks"),
    "no matrix": ({"projection": 3}, TypeError, "Mine.projection must be the name of a matrix or None"),
    "local": ({"local": -1}, ValueError, "Mine.local must be an integer of at least 0"),
}
METHODS = {
    "operands": ({"operands": 0}, ValueError, "Mine.operands must be a positive integer"),
    "no forward": ({"forward": ns.Cell.forward}, NotImplementedError, r"Mine must define forward\(self, a, old, new"),
    "new is bound anew": ({"forward": nothing}, ValueError, "Mine.forward must write all of the new h"),
    "c unwritten": ({"state": ("h", "c")}, ValueError, r"Mine.forward must write all of the new c, new\[1\]"),
    "in place": (
        {"state": ("h", "c"), "forward": twice_written},
        ValueError,
        "must read the old state before",
    ),
    "old written": (
        {"forward": forward(lambda self, a, old, new: old[0].__setitem__(..., 0))},
        ValueError,
        "Mine.forward must leave the old state as it is",
    ),
    "saved unwritten": ({"saved": ("n",)}, ValueError, "Mine.forward must write the block 'n' of a before it reads it"),
    "one adjoint for two": (TWO, ValueError, "return a tuple of the adjoints of h, c, got tuple of 1: ndarray"),
    "no tuple": (
        {"backward": backward(lambda dnew: dnew[0])},
        ValueError,
        r"Mine.backward must return a tuple of the adjoints of h, got ndarray .*; return \(dh,\), with the comma",
    ),
    "None for c": (
        TWO | {"backward": backward(lambda dnew: (None, None))},
        ValueError,
        r"that of c of the shape .*, got NoneType \(only h's may be None\)",
    ),
    "another shape": (
        {"backward": backward(lambda dnew: (dnew[0][:1],))},
        ValueError,
        "that of h of the shape",
    ),
    "da unwritten": (
        {"gates": ("u", "w")},
        ValueError,
        r"Mine.backward must write the adjoint of 'w', da\[1\]\[...\] = ...",
    ),
    "a vector's gradient unwritten": (
        {"vectors": ("q",)},
        ValueError,
        r"write the adjoint of 'q', da\[1\]\[...\] = ..., or define vector_gradients",
    ),
    "a vector's gradient missing": (
        {"vectors": ("q",), "vector_gradients": lambda self, da, old, new: ()},
        ValueError,
        r"Mine.vector_gradients must return a gradient \(H, T, B\) for each of q, got tuple of 0",
    ),
    "a vector's gradient summed": (
        {"vectors": ("q",), "vector_gradients": lambda self, da, old, new: (da[0].sum(axis=(1, 2)),)},
        ValueError,
        r"Mine.vector_gradients must return a gradient \(H, T, B\) for each of q",
    ),
    "s unwritten": (
        {"local_derivatives": nothing},
        ValueError,
        r"Mine.local_derivatives must write s\[0\] of 1, or local must be fewer",
    ),
    "dnew written": (
        {"backward": backward(write=lambda dnew, a, s, da: dnew[0].__setitem__(..., 0))},
        ValueError,
        "write on da alone, and leave dnew, a and s as they are",
    ),
    "a written": (
        {"backward": backward(write=lambda dnew, a, s, da: a[0].__setitem__(..., 0))},
        ValueError,
        "write on da alone",
    ),
    "sums over the batch": (
        {"backward": backward(write=lambda dnew, a, s, da: da[0].__setitem__(..., dnew[0].sum(axis=1, keepdims=True)))},
        ValueError,
        "Mine.backward must be right for any axes between H and B",
    ),
}


@pytest.mark.parametrize("case", GATES | METHODS)
def test_a_cell_that_breaks_the_contract_is_refused_before_a_layer_is_made(case):
    members, kind, text = (GATES | METHODS)[case]
    cell = changed(**members)
    with pytest.raises(kind, match=text):
        ns.Recurrent(cell, 2, 3)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Leaky, r"cell must be an object of its class, got the class Leaky; give Leaky\(\)"),
        ("leaky", "cell must be an object of a class that extends ns.Cell, got str"),
        (Leaky([0.5]), r"Leaky's options must be hashable, got Leaky\(rate=\[0.5\]\); give tuples"),
    ],
)
def test_what_is_no_cell_is_refused(cell, text):
    with pytest.raises(TypeError, match=text):
        ns.Recurrent(cell, 2, 3)


def test_a_cell_without_gates_is_refused():
    with pytest.raises(TypeError, match="Mine must name its gates"):
        ns.Recurrent(type("Mine", (ns.Cell,), {})(), 2, 3)


def test_h_has_another_size_only_where_a_product_makes_it():
    with pytest.raises(ValueError, match="state_size must be hidden_size, since Leaky has no second product"):
        ns.Recurrent(Leaky(), 2, 3, state_size=2)
    assert ns.Recurrent(LSTMCell(projected=True), 2, 3, state_size=2).output_size == 2


def test_an_error_of_the_cells_own_lines_says_what_npseq_was_doing():
    cell = changed(forward=forward(lambda self, a, old, new: a[7]))
    with pytest.raises(IndexError) as raised:
        ns.Recurrent(cell, 2, 3)
    assert raised.value.__notes__ == [
        "npseq tried Mine.forward with H = 2, P = 2, B = 4, before it makes a layer of the cell"
    ]


@pytest.mark.parametrize("decorate", [lambda kind: kind, __import__("dataclasses").dataclass(frozen=True)])
def test_a_subclass_is_a_frozen_dataclass_whether_it_says_so_or_not(decorate):
    kind = decorate(type("Mine", (Leaky,), {"__annotations__": {"more": int}, "more": 3}))
    assert kind(0.25, more=4) == kind(0.25, 4)
    assert hash(kind(0.25)) == hash(kind(0.25, 3))
    assert kind(0.25) != kind(0.5)
    with pytest.raises(AttributeError, match="cannot assign to"):
        kind().rate = 3
    assert check_cell(kind(0.25)) == kind(0.25)


def test_a_cell_says_which_values_it_begins_with_and_the_others_are_as_ever():
    def initial(self, name, shape, rng):
        return {"b_u": np.ones(shape), "q": rng.normal(size=shape)}.get(name)

    cell = changed(vectors=("q",), vector_gradients=lambda self, da, old, new: (da[0] * 0,), initial=initial)
    layer = ns.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True, dtype=np.float64, rng=5)
    plain = ns.Recurrent(changed(vectors=("q",), vector_gradients=cell.vector_gradients), 2, 3, rng=5, num_layers=2,
                         bidirectional=True, dtype=np.float64)  # fmt: skip
    assert type(plain.cell).__name__ == "Mine"
    for name in layer.params:
        if name.startswith("b_u"):
            np.testing.assert_array_equal(layer.params[name], 1)
        elif name.startswith("W"):
            np.testing.assert_array_equal(layer.params[name], plain.params[name])
    drawn = {layer.params[name].tobytes() for name in layer.params if name.startswith("q")}
    assert len(drawn) == 4
    assert initial_values(Leaky(), layer.params, None) is layer.params


def test_a_state_that_is_assigned_is_told_to_be_written_into():
    class Assigns(ns.Cell):
        gates = ("u",)

        def forward(self, a, old, new, p, project):
            new[0] = np.tanh(a[0])

    with pytest.raises(TypeError) as raised:
        ns.Recurrent(Assigns(), 2, 3)
    assert raised.value.__notes__[0] == "a state is a tuple of arrays: write into them, new[0][...] = ..."
