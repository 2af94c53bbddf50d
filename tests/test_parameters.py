"""Named parameters are views of one vector, whatever is done to them: written, copied, pickled, joined."""

import copy
import pickle

import numpy as np
import pytest

import npseq as ns
from npseq.parameters import Layout, Parameters, at_most, join_layouts, simple_layout

BLOCKED = Layout({"W": (5, 4), "b": (4,)}, {"W_x": ("W", (slice(2, 5),)), "W_h": ("W", (slice(0, 2),)), "b": ("b", ())})


@pytest.fixture
def params():
    return Parameters(BLOCKED, np.arange(24.0))


def test_blocks_follow_one_another_in_the_vector(params):
    assert BLOCKED.spans == {"W": (0, 20), "b": (20, 24)}
    assert BLOCKED.size == 24
    np.testing.assert_array_equal(params.block("W"), np.arange(20.0).reshape(5, 4))


def test_names_are_rectangles_of_the_blocks(params):
    assert list(params) == ["W_x", "W_h", "b"]
    np.testing.assert_array_equal(params["W_x"], np.arange(8.0, 20).reshape(3, 4))
    np.testing.assert_array_equal(params["b"], [20, 21, 22, 23])


def test_writing_a_name_writes_the_vector_in_place(params):
    view = params["W_h"]
    params["W_h"] = np.full((2, 4), -1.0)
    params["b"] = [1, 2, 3, 4]
    params["b"] *= 2
    assert (params.flat[:8] == -1).all()
    assert (view == -1).all()
    np.testing.assert_array_equal(params.flat[20:], [2, 4, 6, 8])


def test_writing_the_vector_is_seen_under_every_name(params):
    view = params["W_x"]
    params.flat[...] = 3
    assert (view == 3).all()
    assert all((array == 3).all() for array in params.values())


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("b", np.ones(3), ValueError, r"b must have shape \(4,\), got \(3,\); it is written in place"),
        ("b", 1.0, ValueError, r"b must have shape \(4,\), got \(\)"),
        (
            "b",
            np.ones(4, complex),
            TypeError,
            "b must be what float64 can hold, got complex128; convert it with astype",
        ),
        ("W_f", np.ones(4), KeyError, "no parameter 'W_f'; there are W_x, W_h, b"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(params, name, value, error, text):
    with pytest.raises(error, match=text):
        params[name] = value
    np.testing.assert_array_equal(params.flat, np.arange(24.0))


def test_parameters_are_not_removed(params):
    with pytest.raises(TypeError, match=r"parameters cannot be removed \('b'\)"):
        del params["b"]
    assert len(params) == 3


def test_a_vector_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"flat must have shape \(24,\) for this layout, got \(23,\)"):
        Parameters(BLOCKED, np.zeros(23))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda params: pickle.loads(pickle.dumps(params))])
def test_a_copy_has_views_of_its_own_vector(params, again):
    assert params["b"][0] == 20  # the view is made before the copy
    other = again(params)
    other.flat[...] = 0
    assert (other["b"] == 0).all()
    assert params["b"][0] == 20


def test_a_joined_layout_gives_each_part_a_stretch_of_the_vector():
    layout = join_layouts({"one": BLOCKED, "two": simple_layout({"v": (3,)})})
    whole = Parameters.zeros(layout, np.float32)
    part = whole.part("two", simple_layout({"v": (3,)}))
    part["v"] = np.ones(3, np.float32)
    assert list(whole) == ["one.W_x", "one.W_h", "one.b", "two.v"]
    assert whole.flat.dtype == np.float32
    np.testing.assert_array_equal(whole.flat, [0] * 24 + [1] * 3)


def test_a_part_without_parameters_is_empty():
    whole = Parameters.zeros(join_layouts({"none": simple_layout({}), "some": BLOCKED}), float)
    assert len(whole.part("none", simple_layout({}))) == 0


def test_what_is_made_once_is_made_once(params):
    made = []
    assert params.once("key", lambda: made.append(1) or "view") == "view"
    assert params.once("key", lambda: made.append(2) or "other") == "view"
    assert made == [1]


def test_like_has_the_names_over_another_vector(params):
    other = params.like(np.zeros(24))
    assert list(other) == list(params)
    assert other.layout is params.layout
    assert (other["W_x"] == 0).all()


def test_the_text_lists_names_and_shapes(params):
    assert str(params).splitlines()[:2] == ["Parameters: 24 numbers, float64", "  W_x  (3, 4)"]


def test_no_layer_is_larger_than_a_file_that_it_is_read_from():
    with at_most(21):
        assert len(ns.Linear(6, 3, rng=0).params.flat) == 21
        with pytest.raises(ValueError, match="its configuration has more parameters than the 21 that it holds"):
            ns.Linear(10**400, 3, rng=0)
        assert ns.Recurrent(ns.gallery.IndRNNCell(), 5, 3, rng=0).params.flat.size > 21  # of which 21 have names
    assert len(ns.Linear(6, 4, rng=0).params.flat) == 28
