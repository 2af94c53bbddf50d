"""NumPy's and CuPy's own arrays are taken; any other is refused with an expression, which works."""

import numpy as np
import pytest
from foreign_arrays import Jax, Pandas, follow, kinds

from npseq import arguments, arrays

NUMBERS = np.array([[1.5, -2.0], [0.0, 3.0]])


@pytest.mark.parametrize("kind", [*kinds(2), "list", "tuple"])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_what_is_no_array_is_refused_and_the_remedy_makes_one_of_the_same_numbers(kind):
    makers = kinds(2) | {"list": np.ndarray.tolist, "tuple": lambda values: tuple(values.tolist())}
    value = makers[kind](NUMBERS.astype(np.float32))
    with pytest.raises(TypeError, match=r"x must be a NumPy or CuPy array of numbers, got .*; pass ") as raised:
        arguments.array("x", value)
    made = follow(str(raised.value), value)
    assert arguments.array("x", made) is made
    np.testing.assert_array_equal(made, NUMBERS)


@pytest.mark.parametrize(
    ("value", "remedy", "expected"),
    [
        (np.array([1, 2], object), "numpy.asarray(x.tolist())", [1, 2]),
        (np.array(["2020-01-02"], "M8[D]"), "x.astype(numpy.int64)", [18263]),
        (np.zeros(2, [("a", int)]), "one of its fields, x['a']", None),
        (np.array([None, 1], object), "one whose entries are numbers", None),
        (np.array(["a"]), "the ids of its tokens, which a Vocabulary makes", None),
        (b"ab", "numpy.frombuffer(x, numpy.uint8)", [97, 98]),
        (bytearray(b"ab"), "numpy.asarray(x)", [97, 98]),
        (range(2), "numpy.asarray(x)", [0, 1]),
        ({3}, "numpy.asarray(list(x))", [3]),
        ({1: 2}.values(), "numpy.asarray(list(x))", [2]),
    ],
    ids=str,
)
def test_a_remedy_fits_what_was_given(value, remedy, expected):
    text = arrays.refusal("x", value)
    assert text.endswith(f"; pass {remedy}")
    if expected is not None:
        np.testing.assert_array_equal(follow(text, value), expected)


@pytest.mark.parametrize("value", [None, "abc", {"W": 1}, np.ndarray, len, 3.5, np.zeros(1, "V4")], ids=repr)
def test_nothing_is_proposed_for_what_has_no_numbers(value):
    assert "pass" not in arrays.refusal("x", value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2", "float16", "int8", "bool"])
def test_a_tensor_of_any_dtype_becomes_an_array(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([1.0, 0.0]).to(getattr(torch, dtype))
    made = follow(arrays.refusal("x", tensor), tensor)
    np.testing.assert_array_equal(made, [1, 0])
    assert arguments.array("x", made) is made


@pytest.mark.parametrize("change", ["to_sparse", "conj", "to_sparse_csr"])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
def test_so_does_a_sparse_and_a_conjugated_tensor(change):
    torch = pytest.importorskip("torch")
    values = np.array([[1 + 2j, 0], [0, 3j]])
    tensor = getattr(torch.tensor(values), change)()
    made = follow(arrays.refusal("x", tensor), tensor)
    np.testing.assert_array_equal(made, values.conj() if change == "conj" else values)


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("x", "x"),
        ("grads['W']", "grads['W']"),
        ("state[0]", "state[0]"),
        ("an entry", "array"),
        ("state[0] (h)", "state[0]"),
    ],
)
def test_the_expression_has_the_name_of_the_argument_if_it_is_one(name, of):
    assert arrays.refusal(name, Pandas(NUMBERS)).endswith(f"; pass {of}.to_numpy()")


def test_the_library_is_named():
    assert "got jaxlib.Jax; pass" in arrays.refusal("x", Jax(NUMBERS))
    assert "got numpy.MaskedArray; pass" in arrays.refusal("x", np.ma.ones(1))
    assert "got list; pass" in arrays.refusal("x", [1.0])


def test_a_file_in_memory_and_a_scalar_of_numpy_are_its_own(tmp_path):
    np.save(tmp_path / "x.npy", NUMBERS)
    for own in (np.load(tmp_path / "x.npy", mmap_mode="r"), NUMBERS, np.float32(1)):
        assert arrays.is_own(own)
        assert arguments.array("x", own) is own
