"""The arguments of a function as one tree whose top names are the function's own parameters.

at = a mapping                f(at)         names as in the mapping
at = (x, W)                   f(x, W)       "x", "W", as f calls them
at = an array, or a tree      f(at)         one argument
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from npseq.gradcheck.callables.trees import leaves_of, rebuilt


class Arguments(NamedTuple):
    """tree: {name: argument}, or one mapping that is the only argument itself."""

    tree: Mapping[str, Any]
    is_mapping: bool

    def leaves(self) -> dict[str, Any]:
        return leaves_of(self.tree)

    def call(self, f: Callable[..., Any], leaves: Mapping[str, Any]) -> Any:
        """f of these leaves; one that is not among them is as it was."""
        own = self.leaves()
        tree = rebuilt(self.tree, lambda path: leaves.get(path, own[path]))
        return f(tree) if self.is_mapping else f(*tree.values())

    def like(self, values: Any) -> dict[str, Any]:
        """The leaves of a gradient that has the form of the arguments."""
        if self.is_mapping:
            return leaves_of(values) if isinstance(values, Mapping) else values
        if len(self.tree) == 1 and not (isinstance(values, tuple) and len(values) == 1):
            values = (values,)
        if not isinstance(values, tuple | list) or len(values) != len(self.tree):
            raise TypeError(
                f"gradient must be or return one for each of the {len(self.tree)} arguments, in a tuple, got "
                f"{type(values).__name__}{f' of {len(values)}' if isinstance(values, tuple | list) else ''}"
            )
        return leaves_of(dict(zip(self.tree, values, strict=True)))


def arguments_of(f: Any, at: Any) -> Arguments:
    """How a function takes this point. Raises TypeError where it takes more arguments, or fewer."""
    values = at if type(at) is tuple else (at,)
    _check_count(f, values)
    if isinstance(at, Mapping):
        return Arguments(at, True)
    return Arguments(dict(zip(_names(f, len(values)), values, strict=True)), False)


def _check_count(f: Any, values: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # of a function that hides it
        return
    try:
        signature.bind(*values)
    except TypeError:
        raise TypeError(
            f"at must be what the function takes, {signature}, got {len(values)} of its arguments; give a tuple of all"
        ) from None


def _names(f: Any, count: int) -> list[str]:
    """The names of a function's first parameters; of one that hides them, or takes any number, their numbers."""
    try:
        parameters = [p for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters[:count]]
    return names if len(names) == count else [f"argument {k}" for k in range(count)]
