"""OPERATIONS lists the pointwise operations that a kernel may hold: NumPy's name for each, and the same in C.

In C, T is float or double, f ends the name of a function of float, and {0}, {1}, {2} are the arguments. An operation
that is not here cannot be traced; the error lists those that are.
"""

from typing import NamedTuple


class Operation(NamedTuple):
    code: str
    truth: bool = False  # whether the result is true or false


OPERATIONS = {
    "add": Operation("{0} + {1}"),
    "subtract": Operation("{0} - {1}"),
    "multiply": Operation("{0} * {1}"),
    "divide": Operation("{0} / {1}"),
    "negative": Operation("-{0}"),
    "positive": Operation("{0}"),
    "square": Operation("{0} * {0}"),
    "reciprocal": Operation("(T)1 / {0}"),
    "absolute": Operation("fabs{f}({0})"),
    "sqrt": Operation("sqrt{f}({0})"),
    "exp": Operation("exp{f}({0})"),
    "expm1": Operation("expm1{f}({0})"),
    "log": Operation("log{f}({0})"),
    "log1p": Operation("log1p{f}({0})"),
    "erfc": Operation("erfc{f}({0})"),
    "tanh": Operation("tanh{f}({0})"),
    "cos": Operation("cos{f}({0})"),
    "sin": Operation("sin{f}({0})"),
    "maximum": Operation("{0} > {1} || {0} != {0} ? {0} : {1}"),  # nan wins, as in NumPy and not in fmax
    "minimum": Operation("{0} < {1} || {0} != {0} ? {0} : {1}"),
    "where": Operation("{0} ? {1} : {2}"),
    "number": Operation("{0} ? (T)1 : (T)0"),  # of a truth
    "greater": Operation("{0} > {1}", truth=True),
    "greater_equal": Operation("{0} >= {1}", truth=True),
    "less": Operation("{0} < {1}", truth=True),
    "less_equal": Operation("{0} <= {1}", truth=True),
    "equal": Operation("{0} == {1}", truth=True),
    "not_equal": Operation("{0} != {1}", truth=True),
    "logical_and": Operation("{0} && {1}", truth=True),
    "logical_or": Operation("{0} || {1}", truth=True),
    "logical_not": Operation("!{0}", truth=True),
}
OF_TRUTHS = {"where": 1, "number": 1, "logical_and": 2, "logical_or": 2, "logical_not": 1}  # so many first arguments
SAME = {"true_divide": "divide", "bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not"}
