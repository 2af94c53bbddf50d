"""Trees of printed mathematics evaluated on arrays.

names holds the values. A name with a subscript is first sought whole (`W_xh`), then without it, the subscript being
its index (`h_{t-1}` of a dictionary, an array or a function); so a superscript (`x^{(1)}`), which else is a power.
`domains` holds what an index runs over where nothing else is printed. The index b of rows has none: a sum over it adds
up rows.
"""

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
from mathematics import Equation, Node, Reader
from printed import assert_same

COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
Names = dict[str, Any]


def every(**ranges: Iterable[Any]) -> list[Names]:
    """All combinations of these indices."""
    return [dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())]


misprinted: list[Equation] = []  # while it is not empty, the others are known to hold


@contextmanager
def looking_at(wrong: Equation) -> Iterator[None]:
    """A check that has passed is run again with this equation misprinted: `holds` need not look at the others."""
    misprinted.append(wrong)
    try:
        yield
    finally:
        misprinted.clear()


def holds(equation: Equation, names: Mapping[str, Any], places: Iterable[Names] = ({},)) -> None:
    """Each side against the next: the same, or less or more as printed, at every place, which says the free indices."""
    if misprinted and equation is not misprinted[0]:
        return
    for place in places:
        at = {"domains": {}, **names, **place}
        with np.errstate(all="ignore"):
            found = [value(side, at) for side in equation.sides]
        for left, relation, right in zip(found, equation.relations, found[1:], strict=False):
            if relation in ("=", "<-", "~"):
                assert_same(left, right, equation.text)
            else:
                assert np.all(COMPARE[relation](left, right)), f"{equation.text}: {left} beside {right}"


def solve(equation: Equation, names: Names) -> Any:
    """The value of the right side, put in names under what stands on the left."""
    if misprinted and equation is misprinted[0]:
        misprinted.clear()  # what it makes goes into the others
    left, right = equation.sides
    with np.errstate(all="ignore"):
        found = value(right, names)
    base, _, _, below, indices = left.parts
    if not below:
        names[base] = found
    elif isinstance(names.get(base), dict):
        names[base][_key(indices, names)] = found
    else:
        names[f"{base}_{below}"] = found
    return found


def value(node: Node, names: Mapping[str, Any]) -> Any:
    return RULES[node.kind](names, *node.parts)


def _name(names: Mapping[str, Any], base: str, above: str, exponent: Node | None, below: str, indices: Any) -> Any:
    if above and f"{base}^{above}" in names:
        base, above = f"{base}^{above}", ""
    found = _found(names, base, below, indices)
    return _power(found, value(exponent, names)) if above and exponent else found


def _found(names: Mapping[str, Any], base: str, below: str, indices: tuple[Node, ...]) -> Any:
    if not below:
        return names[base] if base in names else {"e": math.e}[base]
    spelled = "".join(names[c] if isinstance(names.get(c), str) else c for c in below if c not in " {}")
    if f"{base}_{spelled}" in names:
        return names[f"{base}_{spelled}"]
    array, key = names.get(f"{base}_{spelled.split(',')[0]}"), _key(indices[1:], names)
    return _at(names[base], _key(indices, names)) if array is None else _at(array, key)


def _key(indices: tuple[Node, ...], names: Mapping[str, Any]) -> Any:
    """The index that is printed; letters run together are one index each."""
    key: list[Any] = []
    for node in indices:
        letters = node.parts[0] if node.kind == "name" else ""
        if len(letters) > 1 and letters not in names and not node.parts[3]:
            key += [names[letter] for letter in letters]
        else:
            key.append(value(node, names))
    return tuple(key) if len(key) > 1 else key[0] if key else ()


def _at(held: Any, key: Any) -> Any:
    if callable(held):
        return held(*key) if isinstance(key, tuple) else held(key)
    return held[key]


def _apply(names: Mapping[str, Any], name: Node, *arguments: Node) -> Any:
    held, given = value(name, names), [value(a, names) for a in arguments]
    if callable(held):
        return held(*given)
    if isinstance(held, dict) or (np.ndim(held) and np.asarray(given[0]).dtype.kind in "iu"):
        return held[tuple(given) if len(given) > 1 else given[0]]
    return _beside(held, _one(given))


def _one(given: list[Any]) -> Any:
    if len(given) != 1:
        raise TypeError("a product with several arguments")
    return given[0]


def _beside(left: Any, right: Any) -> Any:
    """A matrix product; a product with a number; a function of what stands beside it, or a multiple of one."""
    if callable(left):
        return left(right)
    if callable(right):
        return lambda x: _beside(left, right(x))
    return left @ right if np.ndim(left) and np.ndim(right) else left * right


def _power(base: Any, exponent: Any) -> Any:
    return base**exponent


def _group_power(names: Mapping[str, Any], inner: Node, exponent: Node) -> Any:
    """Of a matrix in parentheses a matrix power, else entry by entry."""
    base, n = value(inner, names), value(exponent, names)
    return np.linalg.matrix_power(base, n) if inner.kind == "group" and np.ndim(base) == 2 else _power(base, n)


def _big(names: Mapping[str, Any], kind: str, binding: str, upper: Node | None, body: Node) -> Any:
    values = []
    if binding == "b" and "b" not in names["domains"]:
        return np.sum(value(body, names), axis=0)
    for bound in _bindings(names, binding, upper):
        values.append(value(body, {**names, **bound}))
    if kind == "sum":
        return reduce(operator.add, values) if values else 0
    if kind == "prod":  # of matrices: what comes later stands on the left
        return reduce(lambda done, factor: _beside(factor, done), values) if values else 1
    return max(values) if kind == "max" else min(values)


def _bindings(names: Mapping[str, Any], binding: str, upper: Node | None) -> Iterator[Names]:
    """What the index takes: `t`, `t,s`, `(t,s)`, `i=t` to upper, `k=1..T`, or a condition such as `i < k < j`."""
    binding, domains = binding.strip(), names["domains"]
    if binding.startswith("("):
        letters = [part.strip(" ()") for part in binding.split(",")]
        for pair in domains[binding.replace("'", "").replace(" ", "")]:
            yield dict(zip(letters, pair, strict=True))
    elif "=" in binding and not set("<>") & set(binding):
        letter, first = (part.strip() for part in binding.split("="))
        first, _, last = first.partition("..")
        end = value(upper if upper else Reader(last).whole(), names)
        yield from ({letter: k} for k in range(value(Reader(first).whole(), names), end + 1))
    else:
        reader = Reader(binding)
        nodes, relations = [reader.sum()], []
        while reader.peek():
            relations.append(reader.take())
            nodes.append(reader.sum())
        listed = set(relations) <= {","}
        free = [n.parts[0] for n in nodes if n.kind == "name" and (listed or n.parts[0] not in names)]
        for values in itertools.product(*(domains[letter] for letter in free)):
            bound = dict(zip(free, values, strict=True))
            sides = [value(node, {**names, **bound}) for node in nodes]
            pairs = zip(sides, relations, sides[1:], strict=False)
            if all(r == "," or COMPARE[r](a, b) for a, r, b in pairs):
                yield bound


def _columns(names: Mapping[str, Any], *parts: Node) -> Any:
    values = [value(part, names) for part in parts]
    if all(np.ndim(v) == 0 for v in values):
        return np.array(values)
    return np.concatenate(_widened(values, 1), axis=-1)


def _rows(names: Mapping[str, Any], *rows: Node) -> Any:
    values = [_columns(names, *row.parts) if len(row.parts) > 1 else value(row.parts[0], names) for row in rows]
    if len(values) == 1:
        return values[0]
    return np.concatenate([np.atleast_2d(v) for v in _widened(values, 0)], axis=0)


def _widened(values: list[Any], axis: int) -> list[Any]:
    """A number among arrays is a row or column of it."""
    length = max(np.shape(v)[1 - axis] if np.ndim(v) == 2 else 1 for v in values)
    return [v if np.ndim(v) else np.full((1, length) if axis == 0 else (length, 1), v) for v in values]


def _partial(names: Mapping[str, Any], above: Node, below: Node) -> Any:
    held = names[f"@{above.parts[0]}/@{below.parts[0]}"]
    key = _key((*above.parts[1:], *below.parts[1:]), names)
    return held if key == () else _at(held, key)


def _gradient(names: Mapping[str, Any], letter: str, body: Node) -> Any:
    return names["gradient"](lambda at: value(body, {**names, letter.strip(): at}))


def _norm(x: Any) -> Any:
    return np.sqrt(np.sum(np.abs(x) ** 2))


def _inner(x: Any, y: Any) -> Any:
    return np.sum(x * y)


def _call(names: Mapping[str, Any], function: str, *arguments: Node) -> Any:
    given = [value(a, names) for a in arguments]
    if function in ("max", "min"):
        return reduce({"max": np.maximum, "min": np.minimum}[function], given)
    return getattr(np, function)(_one(given))


def _of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda names, *parts: function(*(value(part, names) for part in parts))


RULES: dict[str, Callable[..., Any]] = {
    "+": _of(operator.add),
    "-": _of(operator.sub),
    "*": _of(operator.mul),
    "/": _of(operator.truediv),
    "minus": _of(operator.neg),
    "beside": _of(_beside),
    "group": _of(lambda inner: inner),
    "transposed": _of(np.transpose),
    "norm": _of(_norm),
    "inner": _of(_inner),
    "flat": _of(lambda *parts: np.concatenate([np.ravel(part) for part in parts])),
    "number": lambda names, number: number,
    "name": _name,
    "apply": _apply,
    "call": _call,
    "power": _group_power,
    "big": _big,
    "columns": _columns,
    "rows": _rows,
    "partial": _partial,
    "gradient": _gradient,
    "holds": lambda names, relation, left, right: 1 * COMPARE[relation](value(left, names), value(right, names)),
}
