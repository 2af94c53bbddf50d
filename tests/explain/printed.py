"""Printed equations are read and computed with mpmath in 50 digits; nothing of npseq is used."""

import re

import mpmath

mpmath.mp.dps = 50
TIE = mpmath.mpf(10) ** -40  # half a unit is not exact in binary
TOKEN = re.compile(r"\d+\.?\d*(?:e-?\d+)?|[A-Za-z_]\w*'?(?:\[t(?:\+1)?\])?|\^T|\^2|==|[-+/()\[\]>,]")
FUNCTIONS = ("tanh", "sigmoid", "exp", "cos", "sin", "sqrt", "relu", "max", "mean", "where")


class Row:
    """Numbers, one a unit."""

    def __init__(self, numbers):
        self.numbers = list(numbers)

    def pairs(self, other):
        others = other.numbers if isinstance(other, Row) else [other] * len(self.numbers)
        return zip(self.numbers, others, strict=True)

    def __add__(self, other):
        return Row(a + b for a, b in self.pairs(other))

    def __sub__(self, other):
        return Row(a - b for a, b in self.pairs(other))

    def __rsub__(self, other):
        return Row(other - a for a in self.numbers)

    def __neg__(self):
        return Row(-a for a in self.numbers)

    def __mul__(self, other):
        if isinstance(other, Matrix):
            return Row(sum((a * row[j] for a, row in zip(self.numbers, other.rows, strict=True)), mpmath.mpf(0))
                       for j in range(len(other.rows[0])))  # fmt: skip
        return Row(a * b for a, b in self.pairs(other))

    __rmul__ = __mul__
    __radd__ = __add__

    def __truediv__(self, other):
        return Row(a / b for a, b in self.pairs(other))

    def __gt__(self, other):
        return Row(mpmath.mpf(bool(a > b)) for a, b in self.pairs(other))

    def __eq__(self, other):
        return Row(mpmath.mpf(bool(a == b)) for a, b in self.pairs(other))

    __hash__ = None

    def __rtruediv__(self, other):
        return Row(other / a for a in self.numbers)

    def __pow__(self, power):
        return Row(a**power for a in self.numbers)


class Matrix:
    def __init__(self, rows):
        self.rows = [list(row) for row in rows]

    @property
    def T(self):
        return Matrix(zip(*self.rows, strict=True))


def each(function):
    return lambda row: Row(map(function, row.numbers))


def mean(row):
    return Row([sum(row.numbers, mpmath.mpf(0)) / len(row.numbers)] * len(row.numbers))


def numbers(row, other):
    """The numbers of another row, or of one number for each unit of this one."""
    return other.numbers if isinstance(other, Row) else [other] * len(row.numbers)


SPACE = {
    "tanh": each(mpmath.tanh),
    "sigmoid": each(lambda x: 1 / (1 + mpmath.exp(-x))),
    "exp": each(mpmath.exp),
    "cos": each(mpmath.cos),
    "sin": each(mpmath.sin),
    "sqrt": each(mpmath.sqrt),
    "mean": mean,
    "max": lambda x, y: Row(map(max, x.numbers, y.numbers)),
    "relu": each(lambda x: max(x, mpmath.mpf(0))),
    "where": lambda truth, x, y: Row(
        t * a + (1 - t) * b for (t, a), b in zip(truth.pairs(x), numbers(truth, y), strict=True)
    ),
    "M": mpmath.mpf,
}


def value(text, names):
    """The right side of a printed equation, names standing for rows and matrices."""
    pieces, before = [], ""
    for token in TOKEN.findall(text):
        operand = token[0].isalnum() or token in "(["
        after = bool(before) and (before[0].isalnum() or before in (")", "]", "^T", "^2"))
        if operand and after and not (token == "(" and before in FUNCTIONS):
            pieces.append("*")
        if token == "^T":
            pieces.append(".T")
        elif token == "^2":
            pieces.append("**2")
        elif token[0].isdigit():
            pieces.append(f"M('{token}')")
        elif token[0].isalpha() and token not in FUNCTIONS:
            pieces.append(f"names[{token!r}]")
        else:
            pieces.append({"[": "(", "]": ")"}.get(token, token))
        before = token
    return eval("".join(pieces), {**SPACE, "names": names})


def half_up(x, digits):
    """As a calculator rounds: half away from zero, in whole units of the last digit."""
    scaled = abs(x) * mpmath.mpf(10) ** digits
    return int(mpmath.sign(x)) * int(mpmath.floor(scaled + mpmath.mpf("0.5") + TIE))


def exact(numbers):
    if isinstance(numbers[0], list):
        return Matrix([[mpmath.mpf(str(x)) for x in row] for row in numbers])
    return Row(mpmath.mpf(str(x)) for x in numbers)
