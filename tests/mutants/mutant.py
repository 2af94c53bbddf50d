"""A mutant: npseq with one thing wrong, for as long as a `with` block lasts.

A mistake of npseq.diagnosis is put in by its numbers. Others are one line of the real source with a piece of it
replaced; a piece that is no longer there is an error, not a mutant that does nothing.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

from npseq.diagnosis.mistake import Mistake
from npseq.diagnosis.passes import gradients_of
from npseq.diagnosis.problem import Problem
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import as_state

Patch = Callable[[], AbstractContextManager]


class Mutant(NamedTuple):
    id: str
    what: str
    case: str  # the configuration in which it shows, of mutants.cases
    patch: Patch
    where: str = ""  # where it happened; empty for one that was made up here
    raises: bool = False  # whether it shows as an exception, not as a wrong number
    lets_pass: str = ""  # for a mutant of the check itself: the wrong backward pass, by id, that it must not let pass


def edit(function: Any, *changes: str, **names: Any) -> Patch:
    """The function with pieces of its source replaced, each "old -> new"; names are what a new piece refers to."""

    @contextmanager
    def patched() -> Iterator[None]:
        source = textwrap.dedent(inspect.getsource(function))
        for change in changes:
            old, new = change.split(" -> ")
            if source.count(old) != 1:
                raise LookupError(
                    f"{function.__qualname__} must contain {old!r} exactly once, found {source.count(old)}; "
                    "the function has changed, say anew what its mutant is"
                )
            source = source.replace(old, new)
        scope: dict[str, Any] = {}
        exec(source, {**function.__globals__, **names} if names else function.__globals__, scope)
        with mock.patch.object(_owner(function), function.__name__, scope[function.__name__]):
            yield

    return patched


def wrap(owner: Any, name: str, around: Callable[[Any], Any], missing: bool = False) -> Patch:
    """owner.name replaced by around(owner.name); missing: it is not there yet."""
    return lambda: mock.patch.object(owner, name, around(vars(owner).get(name)), create=missing)


def by_numbers(mistake: Mistake) -> Patch:
    """Every recurrent layer's backward with the gradients that the mistake has."""
    inside = []  # a mistake may ask another layer for its gradients, which are right

    def around(right):
        def backward(self, dy, tape, dstate=None, truncation=None, **options):
            if inside:
                return right(self, dy, tape, dstate, truncation, **options)
            inside.append(mistake)
            try:
                return wrong(self, dy, tape, dstate, **options)
            finally:
                inside.clear()

        return backward

    def wrong(self, dy, tape, dstate, grads=None, workspace=None):
        problem = Problem(self, tape, dy, dstate)
        found = {name: value[0] for name, value in gradients_of(problem, [(mistake,)]).items()}
        grads = self.params.like(self.params.flat.copy()) if grads is None else grads
        for name in grads:
            grads[name] = found[name]
        states = [as_state([found[name] for name in part.state_names]) for part in problem.parts]
        return found.get("x"), tuple(states) if len(states) > 1 else states[0], grads

    return both(*(wrap(kind, "backward", around) for kind in (Recurrent, Bidirectional)))


def both(*patches: Patch) -> Patch:
    """Several at once."""

    @contextmanager
    def patched() -> Iterator[None]:
        with ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch())
            yield

    return patched


def _owner(function: Any) -> Any:
    """The module or the class that a function stands in."""
    owner: Any = sys.modules[function.__module__]
    for part in function.__qualname__.split(".")[:-1]:
        owner = getattr(owner, part)
    return owner
