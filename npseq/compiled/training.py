"""The step of a language model on one sequence of one-hot tokens, up to its gradients, in one compiled call."""

from typing import Any

import numpy as np

from npseq.bptt.compiled import pays
from npseq.compiled.compiling import functions_of


def takes(model: Any, ids: Any, targets: Any, state: Any) -> bool:
    """Whether a step with these arguments is compiled. What is wrong with any other, the plain step says."""
    layer = model.recurrent
    if model.embedding is not None or not getattr(layer, "num_layers", 2) == getattr(layer, "directions", 2) == 1:
        return False
    for array in (ids, targets):
        if not (type(array) is np.ndarray and array.dtype.kind in "iu" and array.shape[1:] == (1,) and len(array)):
            return False
    h, c = state if type(state) is tuple and len(state) == 2 else (state, None)
    for part, width in ((h, layer.state_size), (c, layer.c_size)):
        fits = type(part) is np.ndarray and part.shape == (1, 1, width) and part.dtype == layer.dtype
        if not (fits or (part is None and (state is None or not width))):
            return False
    on_host, cell = type(model.params.flat) is np.ndarray, layer.cell
    plain = not on_host or cell.masks or cell.vectors or len(ids) != len(targets)
    return not plain and pays(2 * layer.weights(0, 0).W.size, 1) and functions_of(cell, layer.dtype) is not None


class CompiledStep:
    """The arrays of a model's steps of one length, which every step writes over."""

    def __init__(self, model: Any, steps: int):
        layer, params = model.recurrent, model.params
        self.params, self.steps, self.has_c = params, steps, layer.c_size > 0
        self.kind = params.flat.dtype
        w, cell = layer.weights(0, 0), layer.cell
        functions: Any = functions_of(cell, self.kind)
        self.step = functions.step
        self.grads = type(params)(params.layout, np.empty_like(params.flat))
        parts = model._parts(self.grads)
        g, output, dout = layer.weights(0, 0, parts["recurrent"]), model.output.params, parts["output"]
        self.ids, self.targets = np.empty((2, steps), np.int64)
        units, blocks = layer.hidden_size, w.blocks
        none = np.empty((1, 0), self.kind)
        empty: Any = lambda width, rows=steps: np.empty((rows, width), self.kind)  # noqa: E731
        self.U, self.within_W = w.U, len(blocks.h_weights) > blocks.with_h
        self.s, self.c = empty(w.state, steps + 1), empty(layer.c_size, steps + 1)
        self.dlast = np.empty(w.state, self.kind), np.empty(layer.c_size, self.kind)
        m, dv = (none, none) if w.U is None else (empty(cell.operands * units), empty(w.U.shape[1]))
        self.weights = w.W
        self.rest = (
            none if w.h_biases is None else w.h_biases, output["W"], output["b"],
            g.W, none if w.U is None or self.within_W else g.U, none if g.h_biases is None else g.h_biases,
            dout["W"], dout["b"], self.s, self.c, empty((len(blocks.names) + len(blocks.saved)) * units), m,
            empty(w.state), empty(len(blocks.names) * units), dv, *self.dlast, empty(model.vocab_size),
            units, w.state, w.bias,
        )  # fmt: skip

    def __call__(self, ids: np.ndarray, targets: np.ndarray, state: Any) -> tuple[Any, Any, Any] | None:
        """(loss, last state, gradients); None where an id or a target is out of range."""
        h, c = state if type(state) is tuple else (state, None)
        self.ids[:], self.targets[:] = ids[:, 0], targets[:, 0]
        self.s[0], self.c[0] = 0 if h is None else h[0, 0], 0 if c is None else c[0, 0]
        for adjoint in self.dlast:
            adjoint[:] = 0
        U = self.rest[0][:1, :0] if self.U is None else np.ascontiguousarray(self.U)
        loss, done = self.step(self.ids, self.targets, self.weights, U, *self.rest)
        if not done:
            return None
        h, c = self.s[-1].reshape(1, 1, -1).copy(), self.c[-1].reshape(1, 1, -1).copy()
        return self.kind.type(loss), (h, c) if self.has_c else h, self.grads
