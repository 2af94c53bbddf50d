"""A composite is made of layers whose parameters lie in one vector."""

from collections.abc import Mapping
from typing import Any

from npseq.backend import array_module
from npseq.bptt.workspace import Workspace, child
from npseq.layers.layer import Layer
from npseq.parameters import Parameters, join_layouts


class Composite(Layer):
    """Holds `layers` {name: layer}, whose parameters are views of one vector, named "layer.name" in `params`.

    It works on copies: a layer that it was made of stays as it was.
    """

    layers: dict[str, Any]

    def _join(self, layers: Mapping[str, Layer | None]) -> None:
        """Takes in copies of these layers, but for those that are None, and puts their parameters into one vector."""
        self.__dict__["layers"] = {name: layer for name, layer in layers.items() if layer is not None}
        flats = [layer.params.flat for layer in self.layers.values()]
        dtypes = {str(flat.dtype) for flat in flats}
        if len(dtypes) > 1:
            raise ValueError(f"all layers of a model must have one dtype, got {sorted(dtypes)}; use layer.astype(...)")
        layout = join_layouts({name: layer.params.layout for name, layer in self.layers.items()})
        self._bind(Parameters(layout, array_module(*flats).concatenate(flats)))

    def _bind(self, params: Parameters) -> None:
        """Makes every layer's parameters views of these."""
        super()._bind(params)
        parts = self._parts(params)
        self.__dict__["layers"] = {name: layer._bound(parts[name]) for name, layer in self.layers.items()}

    def _parts(self, params: Parameters) -> dict[str, Parameters]:
        """Every layer's own parameters, or gradients, as views of the same vector."""
        return params.once("parts", self._cut_parts, params)

    def _cut_parts(self, params: Parameters) -> dict[str, Parameters]:
        return {name: params.part(name, layer.params.layout) for name, layer in self.layers.items()}

    def _gradients(
        self, grads: Parameters | None = None, workspace: Workspace | None = None
    ) -> tuple[Parameters, dict[str, dict[str, Any]]]:
        """These gradients, or new ones, to be written; and by layer the grads and workspace of its backward."""
        grads = self._buffers_of(grads, workspace)
        return grads, grads.once(("own", workspace), self._own, grads, workspace)

    def _own(self, grads: Parameters, workspace: Workspace | None) -> dict[str, dict[str, Any]]:
        parts = self._parts(grads).items()
        return {name: {"grads": part, "workspace": child(workspace, name)} for name, part in parts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Makes the layers of a copy views of its own vector."""
        self.__dict__.update(state)
        self._bind(self.params)
