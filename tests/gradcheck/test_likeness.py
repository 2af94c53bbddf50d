"""What a wrong gradient looks like stands in the report, and in what pytest shows."""

import numpy as np
import pytest

import npseq as ns

RNG = np.random.default_rng(0)
AT = {"W": RNG.normal(size=(6, 6)), "x": RNG.normal(size=(5, 4)), "b": RNG.normal(size=6)}
A = RNG.normal(size=(5, 4))


def f(p):
    return np.tanh(p["W"] @ p["W"] + p["b"]).sum() + (A * np.cumsum(p["x"], axis=0) ** 3).sum()


def gradient(p):
    dz = 1 - np.tanh(p["W"] @ p["W"] + p["b"]) ** 2
    local = 3 * A * np.cumsum(p["x"], axis=0) ** 2
    return {"W": dz @ p["W"].T + p["W"].T @ dz, "b": dz.sum(axis=0), "x": local[::-1].cumsum(axis=0)[::-1]}


RIGHT = gradient(AT)
LOCAL = 3 * A * np.cumsum(AT["x"], axis=0) ** 2


def blocks(g, *order):
    return np.concatenate([np.split(g, len(order), axis=1)[k] for k in order], axis=1)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("W", -RIGHT["W"], "W: the sign is wrong"),
        ("W", 2 * RIGHT["W"], "W: 2 times what it should be"),
        ("W", -RIGHT["W"] / 32, "W: -1/32 of what it should be: a mean over 32 in place of a sum"),
        ("W", 35 * RIGHT["W"], "W: 35 times what it should be: a sum over 35 in place of a mean, or counted 35 times"),
        ("W", RIGHT["W"].T, "W: transposed"),
        ("W", 0 * RIGHT["W"], "W: never computed, it is zero"),
        ("W", blocks(RIGHT["W"], 1, 0, 2), "W: 3 blocks (gates) along axis 1 in the order 1, 0, 2"),
        ("W", RIGHT["W"].clip(-1, 1), "W: clipped to 1"),
        ("W", RIGHT["W"].astype(np.float16).astype(float), "W: rounded to half precision"),
        ("W", RIGHT["W"] + 0.01 * AT["W"], "W: 0.01 times W too much: the parameter itself, or a penalty's"),
        ("x", LOCAL, "x: only the last place along axis 0 is right: what the others pass on is missing"),
        ("x", RIGHT["x"][::-1], "x: turned around along axis 0"),
        ("x", np.roll(RIGHT["x"], 1, axis=0), "x: one place too late along axis 0"),
        ("b", np.zeros(6), "b: never computed, it is zero"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["central", "complex"])
def test_likeness(name, wrong, words, method):
    report = ns.gradcheck(f, AT, {**RIGHT, name: wrong}, method=method)
    assert report.note.startswith(f"this looks like: {words}")
    assert str(report).endswith(report.note)


def test_tensors_that_look_alike_share_a_line():
    report = ns.gradcheck(f, AT, {name: value / 4 for name, value in RIGHT.items()})
    assert report.note.startswith("this looks like: W, x, b: 1/4 of what it should be")


def test_one_tensors_gradient_in_anothers_place():
    at = {"a": RNG.normal(size=4), "b": RNG.normal(size=4)}
    right = {"a": 2 * at["a"], "b": 3 * at["b"] ** 2}
    report = ns.gradcheck(lambda p: (p["a"] ** 2).sum() + (p["b"] ** 3).sum(), at, {"a": right["b"], "b": right["a"]})
    assert report.note == "this looks like: a: the gradient of b; b: the gradient of a"


@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
@pytest.mark.parametrize("wrong", [RIGHT["W"], RIGHT["W"] + RNG.normal(size=(6, 6)), 1.37 * RIGHT["W"]])
def test_what_is_right_or_like_nothing_has_no_note(method, wrong):
    assert ns.gradcheck(f, AT, RIGHT | {"W": wrong}, method=method).note == ""


def test_a_nan_is_like_nothing():
    assert ns.gradcheck(f, AT, RIGHT | {"b": np.full(6, np.nan)}).note == ""


def test_pytest_shows_it():
    with pytest.raises(AssertionError, match="this looks like: W: transposed"):
        ns.testing.assert_gradients(f, AT, RIGHT | {"W": RIGHT["W"].T})
