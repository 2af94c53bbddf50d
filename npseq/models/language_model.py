"""A language model reads token ids and writes the distribution of the next token."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from npseq.activations import Activation
from npseq.arguments import flag, float_dtype, function, one_of
from npseq.backend import HOST, Array, array_module, drawing
from npseq.cell import Cell
from npseq.clipping import check_limit, clip_grad_norm
from npseq.cpu import CURRENT
from npseq.data import Vocabulary
from npseq.layers import Bidirectional, Embedding
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import as_state, state_arrays, state_before
from npseq.losses.cross_entropy import softmax_cross_entropy, weighed_cross_entropy
from npseq.models.cells import CELL, DEFAULTS, check_cell_options, draw_own, layer_of
from npseq.models.decoding.generation import sized
from npseq.models.first_values import INITIALIZERS, draw
from npseq.models.sequence import Buffers
from npseq.models.text_fitting import TextFitting
from npseq.models.window import Window
from npseq.optim.optimizer import check_optimizer
from npseq.parameters import Parameters
from npseq.protocols import OptimizerLike


class LanguageModel(TextFitting):
    """Embedding (or one-hot), recurrent layers, and a linear output over the vocabulary.

    params: every parameter in one flat vector, named "embedding.W", "recurrent.W_xh", ..., "output.W", "output.b".

    Args:
        vocab: a Vocabulary, or its size V.
        cell: "rnn", "gru" or "lstm"; or a cell of one's own, MyCell(); or a recurrent layer, of whose copy the model is
            made, with no further options but embedding_size, tied, initializer and rng.
        hidden_size, num_layers, bidirectional, dropout, dtype: the recurrent layer's.
        embedding_size: features of an embedding; None is one-hot.
        tied: whether the output's matrix is the embedding's, transposed (Press & Wolf 2017, arXiv 1608.05859); their
            gradients add.
        initializer: "uniform", PyTorch's, "normal", d2l's N(0, 0.01^2) with zero biases, or "keras", see
            `ns.initializers.keras`.
        nonlinearity, reset, peepholes, proj_size, gate_activation, activation, output_activation: the cell's own, as
            ns.RNN, ns.GRU and ns.LSTM take them.
        rng: a seed or a Generator, of the initial values and of dropout.

    Raises:
        TypeError, ValueError: if an option is not one of these, or a size is not positive.

    Example:
        >>> model = ns.LanguageModel(28, "gru", 16, rng=0)
        >>> loss, norm, state = model.step(np.ones((35, 4), int), np.ones((35, 4), int), None, ns.SGD(0.5), clip=1)
        >>> state.shape
        (1, 4, 16)
    """

    def __init__(
        self,
        vocab: Vocabulary | int,
        cell: str | Cell | Recurrent | Bidirectional = CELL,
        hidden_size: int = 256,
        num_layers: int = 1,
        *,
        embedding_size: int | None = None,
        tied: bool = False,
        bidirectional: bool = False,
        dropout: float = 0.0,
        initializer: str = "uniform",
        nonlinearity: str | Activation = "tanh",
        reset: str = "after",
        peepholes: bool = False,
        proj_size: int = 0,
        gate_activation: str | Activation = "sigmoid",
        activation: str | Activation = "tanh",
        output_activation: str | Activation | None = None,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        given = locals()
        one_of("initializer", initializer, INITIALIZERS)
        self.tied = flag("tied", tied)
        self.vocab, self.vocab_size = sized("vocab", vocab)
        own = check_cell_options(cell, given, LanguageModel)
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
        plain |= {name: str(value) for name, value in given.items() if isinstance(value, Activation)}
        config = {name: plain[name] for name in OPTIONS if name not in NEWER or plain[name] != DEFAULTS[name]}
        config["dtype"] = float_dtype(dtype).name
        self.config = config if isinstance(cell, str) else None
        inputs = self.vocab_size if embedding_size is None else embedding_size
        dtype = dtype if isinstance(cell, str | Cell) else cell.dtype
        own |= {"bidirectional": bidirectional, "dropout": dropout, "dtype": dtype}
        with drawing(rng) as rng:
            embedding = None if embedding_size is None else Embedding(self.vocab_size, inputs, dtype=dtype, rng=rng)
            layer = layer_of(cell, inputs, hidden_size, num_layers, **own, rng=rng)
            super().__init__(layer, self.vocab_size, embedding=embedding, rng=rng)
            draw(initializer, self.params, rng)
            if initializer != "uniform":
                draw_own(self.recurrent, rng)

    def loss(  # type: ignore[override]
        self,
        ids: Array | None,
        targets: Array,
        state: Any = None,
        *,
        lengths: Array | None = None,
        weights: Array | None = None,
        truncation: Any = None,
        context: int = 0,
        state_at: int | None = None,
    ) -> tuple[Array, Parameters, Any]:
        """Returns the mean cross-entropy of targets after ids, its gradients, and the last state.

        Carrying the returned state into the next call is truncated backpropagation: no gradient passes between calls.

        Args:
            ids: (T, B). None: the targets are whole sentences, each token predicted from those before it and the first
                from an input of zeros, as `log_prob` and `generate("")` do (Ng, course 5, week 1: x_1 = 0).
            targets: (T, B), the tokens after them.
            state: the one before ids; None is zeros.
            lengths: (B,), where each sequence ends, or with ids a mask (T, B) of the steps that it has; nothing else
                counts, and the last state is the one after the last that it has.
            weights: shaped as targets, the factor of each in the mean; 0 leaves one out.
            truncation: of this call's gradient, as the recurrent layer takes it.
            context: so many first steps have no targets, which are (T - context, B) then; they are read, and the
                gradient reaches over them.
            state_at: the state returned is that before this step, in [0, T], for a model of one direction; None is the
                last.

        Raises:
            ValueError: if ids or targets are out of range, or the state is for another batch.
        """
        window = Window(truncation, context, state_at, lengths, weights)
        loss, state, buffers = self._backpropagate_from((ids, targets, state), window, None)
        return loss, buffers.grads, state

    def step(  # type: ignore[override]
        self,
        ids: Array | None,
        targets: Array,
        state: Any = None,
        optimizer: OptimizerLike | None = None,
        clip: float | None = None,
        *,
        lengths: Array | None = None,
        weights: Array | None = None,
        truncation: Any = None,
        context: int = 0,
        state_at: int | None = None,
        all_reduce: Callable[[Array, Parameters], Array] | None = None,
    ) -> tuple[Array, Any, Any]:
        """Runs one training step, writes params and own buffers; returns (loss, norm before clipping, state).

        Small products are made on one thread.

        Args:
            ids, targets, state, lengths, weights, truncation, context, state_at: as `loss` takes them.
            optimizer: one of ns.optim, or anything with a step(params, grads).
            clip: the largest gradient norm over all parameters; None does not clip.
            all_reduce: called with loss and gradients before the clip; it makes them those of a batch that other
                processes share, the gradients in place, and returns the loss.

        Raises:
            TypeError, ValueError: as `loss`, or if optimizer or clip cannot be one, before anything is drawn.
        """
        checked = check_optimizer(optimizer, self.params)
        if clip is not None:
            check_limit("clip", clip)
        if all_reduce is not None:
            function("all_reduce", all_reduce)
        batch, window = (ids, targets, state), Window(truncation, context, state_at, lengths, weights)
        if CURRENT.compiled and all_reduce is None and (found := self._in_one_call(batch, window)) is not None:
            loss, state, grads = found
            norm = clip_grad_norm(grads, np.inf if clip is None else clip)
            checked.step(self.params, grads)
            return loss, norm, state
        with self._on_few_threads(targets):
            if all_reduce is None and not isinstance(self.params.flat, HOST):
                loss, norm, state, grads = self._on_device(batch, clip, window)
            else:
                loss, norm, state, self._buffers = self._clipped(batch, clip, window, self._buffers, all_reduce)
                grads = self._buffers.grads
            checked.step(self.params, grads)
        return loss, norm, state

    def _clipped(
        self, batch: tuple[Any, ...], clip: float | None, window: Window, old: Buffers | None, all_reduce: Any = None
    ) -> tuple[Array, Any, Any, Buffers]:
        """A training step up to the optimizer: (loss, norm, state, buffers)."""
        loss, state, buffers = self._backpropagate_from(batch, window, old)
        if all_reduce is not None:
            loss = all_reduce(loss, buffers.grads)
        return loss, clip_grad_norm(buffers.grads, np.inf if clip is None else clip), state, buffers

    def _backpropagate_from(
        self, batch: tuple[Any, ...], window: Window, old: Buffers | None
    ) -> tuple[Array, Any, Buffers]:
        """(loss, state, buffers) of a batch (ids, targets, state)."""
        ids, targets, state = batch
        window, targets = window.check(ids, targets, self.vocab_size, self.recurrent)
        tape, lengths = old.tape if old else None, window.lengths
        if ids is None:
            logits, state, tape = self._run_features(*self._begun(targets, lengths), state, lengths, True, tape, 0)
        else:
            logits, state, tape = self._run(ids, state, lengths, True, tape, window.context)
        if window.state_at is not None:
            state = state_before(tape.recurrent, window.state_at, self.recurrent.state_size)
        weights = window.position_weights(logits)
        if weights is None:
            xp, scale = array_module(logits), 1 / max(targets.size, 1)
            loss, dlogits = weighed_cross_entropy(xp, logits, targets, scale, overwrites=True)
        else:
            loss, dlogits = softmax_cross_entropy(logits, targets, weights=weights)
        return loss, state, self._backward(dlogits, tape, old, window.truncation)

    def _in_one_call(self, batch: tuple[Any, ...], window: Window) -> tuple[Array, Any, Parameters] | None:
        """(loss, state, gradients) by the compiled step, None for what it does not take or does not accept."""
        from npseq.compiled.training import CompiledStep, takes

        if window != Window() or not takes(self, *batch):
            return None
        steps = len(batch[0])
        if self._compiled is None or self._compiled.steps != steps:
            self._compiled = CompiledStep(self, steps)
        found: tuple[Array, Any, Parameters] | None = self._compiled(*batch)
        return found

    def _on_device(
        self, batch: tuple[Any, ...], clip: float | None, window: Window
    ) -> tuple[Array, Any, Any, Parameters]:
        """`_clipped` as a CUDA graph, unless the host draws or decides something in every step."""
        from npseq.gpu.graph import GraphedStep

        ids, targets, state = batch
        layer, counted = self.recurrent, window.lengths is not None or window.weights is not None
        drops = isinstance(layer, Recurrent) and (layer.cell.masks or (layer.dropout.p > 0 and layer.num_layers > 1))
        plain = not isinstance(layer, Recurrent) or drops
        if plain or counted or window.truncation is not None or not getattr(ids, "size", 0):
            loss, norm, state, self._buffers = self._clipped(batch, clip, window, self._buffers)
            return loss, norm, state, self._buffers.grads
        window, targets = window.check(ids, targets, self.vocab_size, self.recurrent)
        array_module(self.params.flat, ids, targets)  # refuses arrays of two devices
        self._graphed = self._graphed or GraphedStep()
        inputs = [ids, targets, *state_arrays(self.recurrent.checked_state("state", state, ids.shape[1]))]
        (loss, norm, *arrays), grads = self._graphed(self._graph_step, self.params, inputs, clip, window)
        return loss, norm, as_state(arrays), grads

    def _graph_step(
        self, inputs: list[Array], old: Any, clip: float | None, window: Window
    ) -> tuple[list[Any], Buffers]:
        """What a graph captures: a step of arrays alone."""
        ids, targets, *arrays = inputs
        loss, norm, state, buffers = self._clipped((ids, targets, as_state(arrays)), clip, window, old)
        return [loss, norm, *state_arrays(state)], buffers

    def _made(self) -> dict[str, Any]:
        vocab, dtype = self.vocab or self.vocab_size, {"dtype": self.dtype.name}  # astype changes it
        if self.config is not None:
            return {"vocab": vocab, **self.config, **dtype}
        size = None if self.embedding is None else self.embedding.dim
        return {"vocab": vocab, "cell": self.recurrent, "embedding_size": size, "tied": self.tied}

    def __repr__(self) -> str:
        inputs = self.embedding or "one-hot"
        return f"LanguageModel({self.vocab_size} tokens, {inputs}, {self.recurrent}, {self.output})"


NEWER = ("gate_activation", "activation", "output_activation")  # which files lack where they are the usual ones
OPTIONS = tuple(name for name in signature(LanguageModel).parameters if name not in ("vocab", "rng"))
