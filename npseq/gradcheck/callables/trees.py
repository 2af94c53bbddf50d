"""Trees of arrays: mappings, tuples, lists and dataclasses, as {path: leaf} and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any


def leaves_of(tree: Any, path: str = "") -> dict[str, Any]:
    """{path: leaf}, as in "layers[0].W". A list of numbers is a leaf, as NumPy takes it."""
    if not is_branch(tree):
        return {path: tree}
    found: dict[str, Any] = {}
    for name, part in _parts(tree, path):
        found |= leaves_of(part, name)
    return found


def rebuilt(tree: Any, leaf: Callable[[str], Any], path: str = "") -> Any:
    """The same tree with leaf(path) in the place of each leaf."""
    if not is_branch(tree):
        return leaf(path)
    parts = [rebuilt(part, leaf, name) for name, part in _parts(tree, path)]
    if isinstance(tree, Mapping):
        return dict(zip(tree, parts, strict=True))
    if is_dataclass(tree) and not isinstance(tree, type):
        return replace(tree, **dict(zip((f.name for f in fields(tree)), parts, strict=True)))
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def is_branch(tree: Any) -> bool:
    """Whether this holds parts of its own."""
    if isinstance(tree, Mapping) or (is_dataclass(tree) and not isinstance(tree, type)):
        return True
    return isinstance(tree, tuple | list) and not _holds_numbers(tree)


def _holds_numbers(tree: tuple[Any, ...] | list[Any]) -> bool:
    parts = [part for part in tree if not isinstance(part, int | float | complex)]
    return bool(tree) and all(isinstance(part, tuple | list) and _holds_numbers(part) for part in parts)


def _parts(tree: Any, path: str) -> list[tuple[str, Any]]:
    """The branches of a node, each with its path."""
    before = f"{path}." if path else ""
    if isinstance(tree, Mapping):
        return [(f"{before}{key}", part) for key, part in tree.items()]
    if is_dataclass(tree):
        return [(f"{before}{f.name}", getattr(tree, f.name)) for f in fields(tree)]
    if hasattr(tree, "_fields"):
        return [(f"{before}{name}", getattr(tree, name)) for name in tree._fields]
    return [(f"{path}[{k}]", part) for k, part in enumerate(tree)]
