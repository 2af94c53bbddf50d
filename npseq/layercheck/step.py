"""One step of a cell: what its backward has to write and return, by a complex step of its own forward."""

from typing import Any

import numpy as np

from npseq.bptt.blocks import blocks_of, of_blocks, to_blocks
from npseq.cell import Cell, has_own
from npseq.layers.bidirectional import Bidirectional, recurrent_layers
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed

UNITS = 2
STEP = 1e-30
DIGITS = 1e-9  # relative to the largest entry of each array

Arrays = dict[str, np.ndarray]


def require_backward(layer: Any) -> None:
    """Raises NotImplementedError where a recurrent layer's cell has no backward, with what it has to be."""
    for stack in _stacks(layer):
        if not has_own(stack.cell, "backward"):
            raise NotImplementedError(step_fault(stack.cell, _features(stack)))


def step_faults(layer: Any) -> str:
    """Returns what is wrong with the steps of a recurrent layer's cells, "" if nothing is."""
    return "; ".join(filter(None, (step_fault(stack.cell, _features(stack)) for stack in _stacks(layer))))


def _stacks(layer: Any) -> list[Recurrent]:
    timed = isinstance(layer, Recurrent | Reversed | Bidirectional)
    return list(recurrent_layers(layer).values()) if timed else []


def _features(stack: Recurrent) -> int:
    return UNITS + (stack.state_size != stack.hidden_size)


def step_fault(cell: Cell, features: int = UNITS) -> str:
    """Returns which adjoint of one step is wrong, or where the cell has no backward what each has to be; "" if right.

    features: P, or UNITS for a cell whose h has a feature for each unit.
    """
    given = _given(cell, features)
    wanted = _by_complex_step(cell, given)
    name, at = type(cell).__name__, f"on one sequence and {UNITS} units with {_text(given)}"
    if not has_own(cell, "backward"):
        return f"{name} has no backward; {at} it has to write and to return {_text(wanted)}"
    found = _by_backward(cell, given)
    wrong = [
        f"{key} must be {_numbers(value)}, got {_numbers(found[key])}"
        for key, value in wanted.items()
        if not np.allclose(found[key], value, rtol=0, atol=DIGITS * abs(value).max())
    ]
    return f"{name}.backward is wrong in its own step: {at}, {'; '.join(wrong)}" if wrong else ""


def _given(cell: Cell, features: int) -> Arrays:
    """The pre-activations, the state before, the adjoints of the state after, and the parameters."""
    rng, blocks = np.random.default_rng(0), blocks_of(cell)
    rows = {f"a[{k}] ({name})": UNITS for k, name in enumerate((*blocks.names, *cell.masks))}
    rows |= {f"{kind} {part}": features if part == "h" else UNITS for kind in ("old", "dnew") for part in cell.state}
    rows |= dict.fromkeys(cell.vectors, UNITS)
    drawn = {name: rng.uniform(0.1, 0.9, (size, 1)).round(2) for name, size in rows.items()}
    if cell.projection is not None:
        drawn[cell.projection] = rng.uniform(0.1, 0.9, (cell.operands * UNITS, features)).round(2)
    return drawn


def _arrays(cell: Cell, given: Arrays, dtype: Any) -> tuple[Any, ...]:
    """(a, old, p) as a cell's methods take them."""
    a = [value for name, value in given.items() if name.startswith("a[")]
    a += [np.zeros((UNITS, 1))] * len(cell.saved)
    p = np.array([given[name] for name in cell.vectors], dtype) if cell.vectors else None
    return np.array(a, dtype), tuple(given[f"old {part}"].astype(dtype) for part in cell.state), p


def _by_complex_step(cell: Cell, given: Arrays) -> Arrays:
    """The derivative of <dnew, new> by the pre-activations, the old state and the vectors."""
    wanted = {}
    for name, key in _names(cell).items():
        wanted[name] = np.empty_like(given[key])
        for index in np.ndindex(given[key].shape):
            moved = {other: value.astype(complex) for other, value in given.items()}
            moved[key][index] += 1j * STEP
            a, old, p = _arrays(cell, moved, complex)
            new = tuple(np.zeros_like(part) for part in old)
            cell.forward(a, old, new, p, _product(moved, cell, transposed=True))
            loss = sum((given[f"dnew {part}"] * value).sum() for part, value in zip(cell.state, new, strict=True))
            wanted[name][index] = loss.imag / STEP
    return wanted


def _names(cell: Cell) -> dict[str, str]:
    """{the name of an adjoint: of what it is the adjoint}."""
    names = {f"da[{k}] ({name})": f"a[{k}] ({name})" for k, name in enumerate(blocks_of(cell).names)}
    return names | {f"d{part}": f"old {part}" for part in cell.state} | {f"d{name}": name for name in cell.vectors}


def _by_backward(cell: Cell, given: Arrays) -> Arrays:
    a, old, p = _arrays(cell, given, float)
    new, blocks = tuple(np.zeros_like(part) for part in old), blocks_of(cell)
    cell.forward(a, old, new, p, _product(given, cell, transposed=True))
    s: Any = (old, new)
    if has_own(cell, "local_derivatives"):
        s = np.zeros((cell.local, 1, UNITS, 1))
        cell.local_derivatives(a[:, None], tuple(part[None] for part in old), tuple(part[None] for part in new), s)
        s = s[:, 0]
    da = np.zeros((len(blocks.names) + blocks.vectors, UNITS, 1))
    dnew = tuple(given[f"dnew {part}"] for part in cell.state)
    passed = cell.backward(dnew, a if cell.reads_gates else None, s, da, p, _product(given, cell, transposed=False))
    both = (tuple(part[:, None] for part in state) for state in (old, new))
    vectors = cell.vector_gradients(da[:, :, None], *both) if cell.vectors else ()
    parts = [np.zeros_like(like) if part is None else part for part, like in zip(passed, old, strict=True)]
    found = [*da[: len(blocks.names)], *parts, *(vector.sum(axis=1) for vector in vectors)]
    return dict(zip(_names(cell), found, strict=True))


def _product(given: Arrays, cell: Cell, *, transposed: bool) -> Any:
    if cell.projection is None:
        return None
    matrix = given[cell.projection]
    if cell.operands == 1:
        return lambda m: (matrix.T if transposed else matrix) @ m
    return of_blocks(lambda m: matrix.T @ m) if transposed else to_blocks(lambda v: matrix @ v, cell.operands)


def _text(arrays: Arrays) -> str:
    return ", ".join(f"{name} = {_numbers(value)}" for name, value in arrays.items())


def _numbers(value: np.ndarray) -> str:
    return "[" + ", ".join(f"{number:.6g}" for number in value.ravel()) + "]"
