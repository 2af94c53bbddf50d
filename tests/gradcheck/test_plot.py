"""The figure shows the error against the step size, and where in the tensor the errors are."""

import dataclasses

import numpy as np
import pytest
from gradcheck.problems import RIGHT, WEIGHED_AT, WRONG, weighed

from npseq.gradcheck import gradcheck


@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
@pytest.mark.parametrize("gradient", [RIGHT, WRONG])
def test_the_figure_has_the_curves_of_its_method(method, gradient, tmp_path):
    figure = gradcheck(weighed, WEIGHED_AT, gradient, method=method).plot(tmp_path / "check.png")
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
    figure = gradcheck(weighed, WEIGHED_AT, RIGHT, method="complex").plot()
    curves = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    central = curves["central"]
    lowest = int(np.argmin(central))
    assert 0 < lowest < len(central) - 1
    assert central[0] > 1e3 * central[lowest] < central[-1]
    assert max(curves["complex step"][:20]) < 1e-15


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (1, 1)])
def test_a_tensor_of_any_shape_has_a_map(shape):
    x = np.full(shape, 0.3)
    report = gradcheck(lambda p: np.sin(p["x"]).sum(), {"x": x}, {"x": np.cos(x)})
    errors = report.plot().axes[1]
    assert errors.images
    assert len(shape) > 1 or not len(errors.get_yticks()), "a vector has no axis of rows"


def test_a_report_without_its_function_shows_the_tolerance_and_the_errors():
    report = dataclasses.replace(gradcheck(weighed, WEIGHED_AT, WRONG), f=None)
    curve, errors = report.plot().axes[:2]
    assert [line.get_label() for line in curve.lines] == ["tolerance"]
    assert errors.images[0].get_array().shape == (3, 4)


def test_the_map_marks_the_worst_entry():
    (mark,) = gradcheck(weighed, WEIGHED_AT, WRONG).plot().axes[1].lines
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (2, 1)


def test_the_title_names_the_verdict_the_worst_tensor_and_the_place():
    figure = gradcheck(weighed, WEIGHED_AT, WRONG).plot()
    title = "gradcheck, method 'central': not passed; worst tensor W (3, 4), fail\nwrong: entry [1, 2]"
    assert figure.get_suptitle() == title


def test_an_axis_of_time_has_its_name_and_rows_are_numbered_by_the_first_axis():
    x = np.ones((3, 2, 2))
    report = gradcheck(lambda p: np.sin(p["x"]).sum(), {"x": x}, {"x": np.cos(x)}, time_axis={"x": 0})
    right = report.plot().axes[1]
    assert (right.get_ylabel(), right.get_xlabel()) == ("step, axis 1 (numbered: step)", "axis 2")
    assert [label.get_text() for label in right.get_yticklabels()] == ["0", "1", "2"]


def test_the_figure_shows_in_a_notebook():
    figure = gradcheck(weighed, WEIGHED_AT, WRONG).plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    data, _ = formatter.format(figure)
    assert data["image/png"].startswith(b"\x89PNG")
