"""It is said in words where the wrong entries of a tensor lie: "steps 0 to 3 of 5, gate f, all sequences"."""

from typing import NamedTuple

import numpy as np

LISTED = 6  # places on an axis are named one by one up to so many, unless they adjoin
BLOCKS = (2, 3, 4)  # gates beside each other
ORDINALS = ("first", "second", "third", "fourth")


class Labels(NamedTuple):
    """Names the axes of one tensor, in the singular, and the part of a layer that it belongs to, "gate f" say.

    An axis without a name is told by its number.
    """

    axes: tuple[str, ...] = ()
    part: str = ""


UNNAMED = Labels()


def time_labels(axis: int) -> Labels:
    """Returns the labels of a tensor one of whose axes is time."""
    return Labels(("",) * axis + ("step",))


def places(wrong: np.ndarray, labels: Labels = UNNAMED) -> str:
    """Returns where the wrong entries are: axes on which they take some places alone first, then those that they fill.

    wrong: bool, of the tensor's shape, with one wrong entry at least.
    """
    if wrong.all():
        return ", ".join(filter(None, [labels.part, "every entry"]))
    if np.count_nonzero(wrong) == 1 and not any(labels.axes):
        (index,) = np.argwhere(wrong)
        return ", ".join(filter(None, [labels.part, f"entry [{', '.join(map(str, index))}]"]))
    some, filled, inside = [], [], 1
    for axis, name in enumerate([*labels.axes, *[""] * wrong.ndim][: wrong.ndim]):
        where = np.asarray(np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1).any(axis=1))
        inside *= int(np.count_nonzero(where))
        if not where.all():
            some.append(_some(name, axis, where))
        elif where.size > 1:
            filled.append(f"all {_plural(name)}" if name else f"all along axis {axis}")
    told = ", ".join(filter(None, [*some[:1], labels.part, *some[1:], *filled]))
    return told if inside == np.count_nonzero(wrong) else f"some entries of {told}"


def _plural(name: str) -> str:
    head, _, rest = name.partition(" ")
    return f"{head}s {rest}".rstrip()


def _some(name: str, axis: int, where: np.ndarray) -> str:
    """Names the places on one axis that hold a wrong entry."""
    found, size = np.flatnonzero(where), where.size
    first, last, many = int(found[0]), int(found[-1]), len(found)
    one, several = (name, _plural(name)) if name else (f"axis {axis} at",) * 2
    adjoin = many == last - first + 1
    if many == 1:
        return f"{one} {first} of {size}"
    if adjoin:
        return f"{several} {first} to {last} of {size}{_block(first, many, size)}"
    if many <= LISTED:
        return f"{several} {', '.join(map(str, found))} of {size}"
    return f"{many} of {size} {_plural(name or 'place')}{'' if name else f' on axis {axis}'} from {first} to {last}"


def _block(first: int, many: int, size: int) -> str:
    """Says which of a few equal blocks these places are: a gate, it may be."""
    blocks = size // many
    if many == 1 or blocks not in BLOCKS or blocks * many != size or first % many:
        return ""
    return f" (the {ORDINALS[first // many]} of {blocks} blocks)"
