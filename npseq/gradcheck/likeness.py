"""What a wrong gradient looks like: a factor, a transpose, blocks in another order, one step, a missing term."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from npseq.backend import Array, to_host
from npseq.gradcheck.rows import TensorReport

COUNTS = 1024  # the largest number that a sum may have been divided by
BLOCKS = 6  # gates beside each other, at the most


class Compared(NamedTuple):
    """One tensor that failed: its gradient, what it should be, and how far they may be apart, relative to the scale."""

    name: str
    at: np.ndarray
    analytic: np.ndarray
    numeric: np.ndarray
    tolerance: float

    def same(self, value: np.ndarray) -> bool:
        """Whether this is the analytic gradient."""
        return value.shape == self.analytic.shape and _close(self.analytic, value, self.tolerance)


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool(
        np.all(np.abs(a - b) <= tolerance * max(np.max(np.abs(a), initial=0.0), np.max(np.abs(b), initial=0.0)))
    )


def likeness(rows: Sequence[TensorReport], analytic: Mapping[str, np.ndarray], at: Mapping[str, Array]) -> str:
    """Returns "this looks like: ..." for the tensors that look like something known, "" if none does.

    Args:
        rows: of all tensors; those that failed and have an estimate are looked at.
        analytic: {name: its gradient, flattened}.
        at: {name: the point}.
    """
    tensors = [
        Compared(row.name, to_host(at[row.name]), analytic[row.name].reshape(row.shape), row.estimate, row.tolerance)
        for row in rows
        if row.status == "fail" and row.estimate is not None and np.isfinite(row.estimate).all()
    ]
    found: dict[str, list[str]] = {}
    for one in tensors:
        with np.errstate(all="ignore"):  # squares too large to be held are like nothing
            words = next(_explanations(one, tensors), None) if np.isfinite(one.analytic).all() else None
        if words is not None:
            found.setdefault(words, []).append(one.name)
    parts = [f"{', '.join(names)}: {words}" for words, names in found.items()]
    return f"this looks like: {'; '.join(parts)}" if parts else ""


def _explanations(one: Compared, tensors: list[Compared]) -> Iterator[str]:
    """The simplest first."""
    if not one.analytic.any():
        yield "never computed, it is zero"
        return
    if one.numeric.size > 1 or one.numeric.ndim == 0:
        yield from _factor(one)
    if one.numeric.size > 2:
        yield from _order(one)
        yield from _done_to_it(one)
        yield from _steps(one)
        for other in tensors:
            if other.name != one.name and other.numeric.size > 1 and one.same(other.numeric):
                yield f"the gradient of {other.name}"


def _factor(one: Compared) -> Iterator[str]:
    """-1, 2, 1/B, T: a whole number or a part of one."""
    square = float((one.numeric * one.numeric).sum())
    c = float((one.analytic * one.numeric).sum()) / square if square else 0.0
    if c == 0.0 or not one.same(c * one.numeric):
        return
    size = max(abs(c), 1 / abs(c))
    count, sign = round(size), "" if c > 0 else "-"
    if count > COUNTS or (count == 1 and c > 0) or abs(size / count - 1) > max(one.tolerance, 1e-12):
        return
    if count == 1:
        yield "the sign is wrong"
    elif abs(c) > 1:
        yield f"{sign}{count} times what it should be: a sum over {count} in place of a mean, or counted {count} times"
    else:
        yield f"{sign}1/{count} of what it should be: a mean over {count} in place of a sum, or a factor left out"


def _order(one: Compared) -> Iterator[str]:
    """Entries at other places."""
    value, shape = one.numeric, one.numeric.shape
    if value.ndim == 2 and shape[0] == shape[1] and one.same(value.T):
        yield "transposed"
    for axis, length in enumerate(shape):
        if length > 1 and one.same(np.flip(value, axis)):
            yield f"turned around along axis {axis}"
        for by in (1, -1) if length > 2 else ():
            rolled = np.roll(value, by, axis)
            cut = rolled.copy()
            np.moveaxis(cut, axis, 0)[0 if by > 0 else -1] = 0
            if one.same(rolled) or one.same(cut):
                yield f"one place too {'late' if by > 0 else 'early'} along axis {axis}"
        yield from _blocks(one, axis)


def _blocks(one: Compared, axis: int) -> Iterator[str]:
    """Blocks, such as gates, that stand in each other's place."""
    length = one.numeric.shape[axis]
    for many in range(2, BLOCKS + 1):
        if length % many == 0 and length > many:
            right, mine = (np.split(value, many, axis) for value in (one.numeric, one.analytic))
            order = [next((j for j, b in enumerate(right) if _close(a, b, one.tolerance)), -1) for a in mine]
            if sorted(order) == list(range(many)) and order != sorted(order):
                yield f"{many} blocks (gates) along axis {axis} in the order {', '.join(map(str, order))}"


def _steps(one: Compared) -> Iterator[str]:
    """Some places along an axis right, or sums along it missing."""
    for axis, length in enumerate(one.numeric.shape):
        if length < 3:
            continue
        right, mine = np.moveaxis(one.numeric, axis, 0), np.moveaxis(one.analytic, axis, 0)
        fits = [bool(a.any()) and _close(a, b, one.tolerance) for a, b in zip(mine, right, strict=True)]
        for place, words in ((length - 1, "last"), (0, "first")):
            if fits[place] and sum(fits) == 1 and _mostly_wrong(one, axis):
                yield f"only the {words} place along axis {axis} is right: what the others pass on is missing"
        for later, words in ((slice(None, None, -1), "later"), (slice(None), "earlier")):
            if _close(mine[later].cumsum(axis=0)[later], right, one.tolerance):
                yield f"the sum over {words} places along axis {axis} is missing"
            if _close(right[later].cumsum(axis=0)[later], mine, one.tolerance):
                yield f"added up over {words} places along axis {axis}"


def _mostly_wrong(one: Compared, axis: int) -> bool:
    """Whether at each place along an axis but one most entries are wrong, which a few wrong ones do not make."""
    off = np.abs(one.analytic - one.numeric) > one.tolerance * np.max(np.abs(one.numeric))
    share = np.moveaxis(off, axis, 0).reshape(one.numeric.shape[axis], -1).mean(axis=1)
    return bool(np.sum(share > 0.5) == len(share) - 1)


def _done_to_it(one: Compared) -> Iterator[str]:
    """Clipped, rounded, or with a penalty's term too many or too few."""
    limit = float(np.max(np.abs(one.analytic)))
    if np.sum(np.abs(one.analytic) == limit) > 1 and one.same(one.numeric.clip(-limit, limit)):
        yield f"clipped to {limit:.6g}"
    if np.array_equal(one.analytic, one.numeric.astype(np.float16)):
        yield "rounded to half precision"
    square = float((one.at * one.at).sum())
    more = one.analytic - one.numeric
    c = float((more * one.at).sum()) / square if square else 0.0
    if c and one.same(one.numeric + c * one.at) and not _close(0 * more, c * one.at, one.tolerance):
        what = "the parameter itself, or a penalty's term, is added" if c > 0 else "a penalty's term is missing"
        yield f"{abs(c):.6g} times {one.name} too {'much' if c > 0 else 'little'}: {what}"
