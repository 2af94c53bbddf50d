import numpy as np
import pytest

from npseq.gradcheck.callables.arguments import arguments_of


def f(x, W, *, keep=1):
    return x, W, keep


def test_a_tuple_is_the_arguments_by_their_names():
    found = arguments_of(f, (1.0, {"a": 2.0}))
    assert found.leaves() == {"x": 1.0, "W.a": 2.0}
    assert found.call(f, {"W.a": 5.0}) == (1.0, {"a": 5.0}, 1)
    assert found.like((3.0, {"a": 4.0})) == {"x": 3.0, "W.a": 4.0}


def test_a_mapping_is_the_one_argument_itself():
    found = arguments_of(lambda tree: tree, {"x": 1.0, "deep": [np.ones(1)]})
    assert list(found.leaves()) == ["x", "deep[0]"]
    assert found.call(lambda tree: tree["deep"], {"deep[0]": 7}) == [7]


def test_anything_else_is_one_argument():
    found = arguments_of(lambda x: x, [1.0, 2.0])
    assert found.call(lambda x: x, {}) == [1.0, 2.0]
    assert found.like([3.0, 4.0]) == found.like(([3.0, 4.0],)) == {"x": [3.0, 4.0]}


@pytest.mark.parametrize("hidden", [lambda *xs: xs, max])
def test_arguments_without_names_have_numbers(hidden):
    assert list(arguments_of(hidden, (1.0, 2.0)).leaves()) == ["argument 0", "argument 1"]


@pytest.mark.parametrize(("at", "count"), [((), 0), (1.0, 1), ((1.0, 2.0, 3.0), 3), ({"x": 1.0, "W": 2.0}, 1)])
def test_a_function_is_given_as_many_arguments_as_it_takes(at, count):
    with pytest.raises(TypeError, match=rf"at must be what the function takes, .*, got {count} of its arg"):
        arguments_of(f, at)


@pytest.mark.parametrize("wrong", [1.0, (1.0,), (1.0, 2.0, 3.0), {"x": 1.0, "W": 2.0}])
def test_a_gradient_has_one_for_each_argument(wrong):
    with pytest.raises(TypeError, match="gradient must be or return one for each of the 2 arguments, in a tuple"):
        arguments_of(f, (1.0, 2.0)).like(wrong)
