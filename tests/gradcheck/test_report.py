"""The report as values, as text and as a figure; and the assertion for unit tests."""

import subprocess
import sys

import numpy as np
import pytest

from npseq.gradcheck import gradcheck
from npseq.testing import assert_gradients


def f(p):
    return (np.tanh(p["W"]) ** 2).sum() * p["s"]


AT = {"W": np.random.default_rng(0).standard_normal((3, 4)), "s": np.array(2.0), "empty": np.zeros((0, 2))}
RIGHT = {
    "W": 2 * np.tanh(AT["W"]) * (1 - np.tanh(AT["W"]) ** 2) * 2.0,
    "s": (np.tanh(AT["W"]) ** 2).sum(),
    "empty": np.zeros((0, 2)),
}
WRONG = {**RIGHT, "W": RIGHT["W"] * np.where(np.arange(12).reshape(3, 4) == 6, 1.5, 1)}


def test_the_table_has_a_row_a_tensor():
    lines = str(gradcheck(f, AT, WRONG)).splitlines()
    assert lines[0].startswith("gradcheck, method 'central': NOT PASSED (max error ")
    assert lines[1].startswith("worst: W[1, 2], analytic ")
    head, *rows = lines[2:6]
    columns = [
        "tensor",
        "shape",
        "scale",
        "error",
        "tolerance",
        "status",
        "worst",
        "analytic",
        "numeric",
        "evaluations",
    ]
    assert head.split() == columns
    assert [row.split()[0] for row in rows] == ["W", "s", "empty"]
    assert "fail" in rows[0]
    assert "pass" in rows[1]
    assert lines[6] == "W: 1 of 12 entries wrong"


def test_a_tensor_s_row_as_values():
    row = gradcheck(f, AT, WRONG, method="complex").tensors[0]
    assert (row.name, row.shape, row.status, row.index) == ("W", (3, 4), "fail", (1, 2))
    assert row.scale == pytest.approx(np.abs(WRONG["W"]).max())
    assert row.error == pytest.approx(abs(RIGHT["W"][1, 2]) / 2 / row.scale)
    assert row.errors.shape == (3, 4)
    assert np.count_nonzero(row.errors > 1e-12) == 1


@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
@pytest.mark.parametrize("gradient", [RIGHT, WRONG])
def test_the_figure(method, gradient, tmp_path):
    figure = gradcheck(f, AT, gradient, method=method).plot(tmp_path / "check.png")
    assert (tmp_path / "check.png").stat().st_size > 10_000
    curve, second = figure.axes[:2]
    assert curve.get_xlabel() == "step h, in units of the variable"
    labels = {line.get_label() for line in curve.lines}
    if method == "taylor":
        assert curve.get_title().startswith("Taylor remainders of ")
        assert labels == {"first remainder", "second remainder", "slope 1", "slope 2"}
    else:
        assert curve.get_title().startswith("Error against step size at ")
        assert labels >= {"central", "five-point", "tolerance"}
    assert second.get_title().startswith("Error")


def test_the_figure_shows_the_v_of_central_and_the_flat_line_of_complex():
    figure = gradcheck(f, AT, RIGHT, method="complex").plot()
    curves = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    central = curves["central"]
    lowest = int(np.argmin(central))
    assert 0 < lowest < len(central) - 1
    assert central[0] > 1e3 * central[lowest] < central[-1]
    assert max(curves["complex step"][:20]) < 1e-15


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (1, 1)])
def test_the_figure_of_any_shape(shape):
    x = np.full(shape, 0.3)
    report = gradcheck(lambda p: np.sin(p["x"]).sum(), {"x": x}, {"x": np.cos(x)})
    assert report.plot().axes[1].images


def test_assert_gradients_raises_with_the_table():
    assert assert_gradients(f, AT, RIGHT) is None
    assert assert_gradients(f, AT, RIGHT, method="complex", rtol=1e-13, rng=3) is None
    with pytest.raises(AssertionError, match=r"(?s)NOT PASSED.*tensor.*W .*fail"):
        assert_gradients(f, AT, WRONG)


def test_it_imports_neither_layers_nor_matplotlib():
    """npseq itself may import anything, so its package is stood in for by an empty one."""
    code = (
        "import sys, types, importlib.util as u; s = u.find_spec('npseq'); m = types.ModuleType('npseq'); "
        "m.__path__ = list(s.submodule_search_locations); sys.modules['npseq'] = m; import npseq.testing; "
        "watched = ('npseq.', 'matplotlib', 'scipy'); "
        "print(sorted(n for n in sys.modules if n.startswith(watched) and 'gradcheck' not in n))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['npseq.arguments', 'npseq.backend', 'npseq.testing']"


def test_a_pytorch_function():
    torch = pytest.importorskip("torch")

    def wrapped(p):
        return (torch.tanh(torch.from_numpy(p["W"])) ** 2).sum() * torch.tensor(p["s"])

    def gradient(p):
        leaves = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
        loss = (torch.tanh(leaves["W"]) ** 2).sum() * leaves["s"]
        loss.backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    at = {name: AT[name] for name in ("W", "s")}
    assert gradcheck(wrapped, at, gradient)
    assert gradcheck(wrapped, at, gradient, method="complex")
    assert not gradcheck(wrapped, at, {name: 1.001 * value for name, value in gradient(at).items()})
