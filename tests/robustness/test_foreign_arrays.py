"""One rule at every door: what is no array of NumPy's or CuPy's own is refused, and the remedy of the error works.

A door may take lists as well, where its documentation says so; then it gives the result of the array.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from foreign_arrays import follow, kinds
from robustness.doors import DOORS, Door

import npseq as ns

TAKEN = {("ngram_counts", "objects")}  # words in an array of objects are counted as those in a list
CASES = [(name, of) for name, door in DOORS.items() for of in door.arrays]
WITHOUT_DOOR = {  # a public function that takes an array, and why no case is its own
    "Recurrent.adjoints": "the first half of Recurrent.backward",
    "Cell.local_derivatives": "npseq calls it with its own arrays",
    "Cell.vector_gradients": "npseq calls it with its own arrays",
    "function": "tests/interop/onnx/test_running.py calls what it returns",
    "forward_backward": "by tests/models/counting/test_hmm.py",
    "viterbi": "by tests/models/counting/test_hmm.py",
}


def arrays(result: Any) -> Iterator[Any]:
    """Every array and number of a result, in order."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, tuple | list):
        for one in result:
            yield from arrays(one)
    else:
        yield result


def assert_same(result: Any, expected: Any) -> None:
    for one, other in zip(arrays(result), arrays(expected), strict=True):
        if isinstance(one, np.ndarray | float):
            np.testing.assert_array_equal(one, other)


def given(door: Door) -> dict[str, Any]:
    return {name: value.copy() for name, value in door.arrays.items()}


@pytest.mark.parametrize(("name", "of"), CASES, ids=lambda value: value)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_foreign_array_is_refused_by_its_name_and_the_remedy_works(name, of):
    door = DOORS[name]
    expected, value = door.call(given(door)), door.arrays[of]
    for kind, make in kinds(value.ndim).items():
        foreign = make(value)
        if (name, kind) in TAKEN:
            assert_same(door.call({**given(door), of: foreign}), expected)
            continue
        with pytest.raises(TypeError, match="must be a NumPy or CuPy array of numbers") as raised:
            door.call({**given(door), of: foreign})
        assert str(raised.value).startswith(f"{of} must"), kind
        made = follow(str(raised.value), foreign).astype(value.dtype)  # JAX has float32 alone
        np.testing.assert_allclose(made, value, rtol=1e-6, err_msg=kind)
        if kind != "jax":
            assert_same(door.call({**given(door), of: made}), expected)


@pytest.mark.parametrize(("name", "of"), CASES, ids=lambda value: value)
def test_a_list_is_refused_with_a_remedy_that_works_or_is_the_array_that_it_lists(name, of):
    door = DOORS[name]
    listed = door.arrays[of].tolist()
    try:
        result, refused = door.call({**given(door), of: listed}), ""
    except TypeError as error:
        refused = str(error)
    if refused:
        result = door.call({**given(door), of: follow(refused, listed)})
    assert refused.startswith(f"{of} must be a NumPy or CuPy array of numbers" if refused else "")
    assert_same(result, door.call(given(door)))


def public(module: Any = ns) -> Iterator[Any]:
    """Every public function, and every method of a public class, of npseq and its namespaces."""
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.ismodule(thing) and hasattr(thing, "__all__"):
            yield from public(thing)
        elif inspect.isclass(thing):
            for base in thing.__mro__:
                own = {**vars(base)} if base.__module__.startswith("npseq") else {}
                yield from (one for key, one in own.items() if inspect.isfunction(one) and key.strip("_") == key)
        elif inspect.isfunction(thing):
            yield thing


def takes_arrays(function: Any) -> bool:
    """Whether an argument is annotated as an array, or as a mapping of arrays, in the source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    notes = [ast.unparse(arg.annotation) for arg in (*tree.args.args, *tree.args.kwonlyargs) if arg.annotation]
    return any("Array" in note.replace("[[Array], Array]", "") or "ndarray" in note for note in notes)


def test_every_public_function_that_takes_arrays_has_a_door_here():
    doors = {name.split(" ")[0].rstrip(",") for name in DOORS} | {name.split(".")[-1] for name in DOORS}
    found = {re.sub(r"^\w+Cell\.", "Cell.", one.__qualname__) for one in public() if takes_arrays(one)}
    assert len(found) > 60
    missing = {name for name in found if name not in doors and name.split(".")[-1] not in doors}
    assert missing == WITHOUT_DOOR.keys()
