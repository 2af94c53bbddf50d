from collections import OrderedDict

import numpy as np

from npseq.gradcheck.callables.libraries import framework_of, libraries_of


class Array(np.ndarray):
    """A class of the user's own on one of NumPy's."""


def test_numpy_alone_is_no_framework():
    assert framework_of(lambda x: x, (np.ones(2), {"a": 1.0})) is None


def test_libraries_are_those_of_an_objects_classes():
    assert {"collections", "builtins"} <= libraries_of(OrderedDict())
    assert "numpy" in libraries_of(Array)


def test_a_framework_is_told_by_the_classes_of_what_is_given():
    kind = type("Tensor", (), {"__module__": "jaxlib.made_up"})
    assert libraries_of(kind()) == libraries_of(kind) == {"jaxlib", "builtins"}
