"""What a cell with activations looks up, once, when it is made, so that no step looks for a function."""

from typing import ClassVar

from npseq.activations.activation import activation_of, derivative_of
from npseq.activations.table import Function


class Activated:
    """The part of a cell that has activations among its options: `class MyCell(Activated, Cell)`.

    activated names those options; the cell then has, in their order,

        functions     each as (x, out), where out may be x
        derivatives   each as (array, out=), of the output; of the input if `keeps`
        keeps         whether the cell must keep the inputs, because not every derivative can be written by the output
        saved         blocks of a for the inputs, one of each gate, if `keeps`

    A cell checks its other options in `_check_options`, which is called before these are read.
    """

    activated: ClassVar[tuple[str, ...]]
    gates: ClassVar[tuple[str, ...]]
    functions: tuple[Function, ...]
    derivatives: tuple[Function, ...]
    keeps: bool

    @property
    def saved(self) -> tuple[str, ...]:
        return tuple(f"in_{gate}" for gate in self.gates) if self.keeps else ()

    def _check_options(self) -> None:
        """Raises TypeError or ValueError for a wrong value of an option other than the activations."""

    def __post_init__(self) -> None:
        self._check_options()
        found = [activation_of(option, getattr(self, option)) for option in self.activated]
        keeps = any(one.needs_input for one in found)
        for option, one in zip(self.activated, found, strict=True):
            object.__setattr__(self, option, str(one))  # a cell refuses to be changed
        object.__setattr__(self, "functions", tuple(one.function for one in found))
        object.__setattr__(self, "derivatives", tuple(derivative_of(one, output=not keeps) for one in found))
        object.__setattr__(self, "keeps", keeps)
