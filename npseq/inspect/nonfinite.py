"""The origin of a nan or an infinity: the first value that is not finite, in the order of computation.

Forward: the input, the given state, the parameters; then layer by layer, direction by direction and step by step the
gates, the cell state and h; the logits and the loss. Backward: the losses' derivatives; from the last layer to the
first, from the last step to the first, the adjoints of h, of c and of the gates; the gradients and their norm. Then the
update. A gate is checked after its nonlinearity, which makes an infinity finite that it squashes.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from npseq.arguments import flag, integer
from npseq.backend import Array, array_module
from npseq.clipping import check_limit, clip_grad_norm
from npseq.inspect.nonfinite_layer import in_backward, in_forward, in_layer
from npseq.inspect.nonfinite_values import Nonfinite, in_arrays, in_state, in_steps
from npseq.layers.batch import check_array, check_batch, check_ids
from npseq.layers.bidirectional import Bidirectional, check_any_state, check_cut
from npseq.layers.recurrent import Recurrent
from npseq.losses import softmax_cross_entropy
from npseq.models.language_model import LanguageModel
from npseq.models.sequence import SequenceTape
from npseq.models.window import Window
from npseq.optim.optimizer import check_optimizer
from npseq.protocols import OptimizerLike


def first_nonfinite(
    model: Any,
    x: Array,
    targets: Array | None = None,
    state: Any = None,
    *,
    lengths: Array | None = None,
    dy: Array | None = None,
    context: int = 0,
    truncation: Any = None,
    optimizer: OptimizerLike | None = None,
    clip: float | None = None,
    training: bool = False,
) -> Nonfinite | None:
    """Returns the first nan or infinity of a training step, None if all is finite; writes into no argument.

    Args:
        model: a LanguageModel; or an RNN, GRU, LSTM or Bidirectional layer.
        x: ids (T, B), or a layer's inputs (T, B, D).
        targets: of a language model, (T - context, B). Without targets, or dy, only the forward pass is checked.
        state: the state before the first step, None for zeros.
        lengths: of a layer's sequences, (B,).
        dy: the loss's derivative by a layer's y, (T, B, features).
        context: the number of first steps that have no loss, of a language model.
        truncation: how far the gradient reaches back, as backward takes it.
        optimizer: whose update of a language model is checked, from its present state.
        clip: the largest norm of a language model's gradient.
        training: whether dropout acts, and draws.

    Raises:
        TypeError: for another model or arguments of the other kind, or as forward, backward and step raise.
        ValueError: as forward, backward and step raise.

    Example:
        >>> layer, x = ns.RNN(2, 3, rng=0), np.ones((4, 1, 2), np.float32)
        >>> layer.params["W_xh"][1, 2] = np.nan
        >>> print(ns.inspect.first_nonfinite(layer, x))
        the first value that is not finite is nan in weight W_xh, entry 1, 2
    """
    _check(model, targets, lengths, dy, optimizer)
    flag("training", training), check_limit("clip", np.inf if clip is None else clip)
    context = integer("context", context, least=0)
    if isinstance(model, LanguageModel):
        _check_batch(model, x, targets, state, Window(truncation, context))
    else:
        _check_inputs(model, x, state, lengths, dy, truncation)
    with np.errstate(all="ignore"):
        if isinstance(model, LanguageModel):
            found = _in_model(model, x, targets, state, context, truncation, optimizer, clip, training)
        else:
            found = in_layer(model, x, state, lengths, dy, truncation, training)
        return next(found, None)


def _check(model: Any, targets: Any, lengths: Any, dy: Any, optimizer: Any) -> None:
    if isinstance(model, LanguageModel):
        if lengths is not None or dy is not None:
            raise TypeError("a LanguageModel takes targets, neither lengths nor dy; look into its layer, .recurrent")
        if optimizer is not None:
            check_optimizer(optimizer, model.params)
    elif not isinstance(model, Recurrent | Bidirectional):
        raise TypeError(f"model must be a LanguageModel or a recurrent layer, got {type(model).__name__}")
    elif targets is not None or optimizer is not None:
        raise TypeError("a layer takes dy, neither targets nor an optimizer; those are a LanguageModel's")


def _check_batch(model: LanguageModel, ids: Array, targets: Array | None, state: Any, window: Window) -> None:
    """Raises TypeError or ValueError for what would be refused after dropout has been drawn."""
    check_ids("x", ids, model.vocab_size)
    left = ids[window.context :] if window.context < len(ids) else ids
    window.check(ids, left if targets is None else targets, model.vocab_size, model.recurrent)
    model.recurrent.checked_state("state", state, ids.shape[1])


def _check_inputs(layer: Any, x: Array, state: Any, lengths: Any, dy: Array | None, truncation: Any) -> None:
    """The same for a layer."""
    xp = array_module(layer.params.flat)
    steps, batch = check_batch(x, lengths, layer.input_size, layer.dtype, xp).x.shape[:2]
    check_any_state("state", state, layer, batch)
    check_cut(truncation, layer, steps)
    if dy is not None:
        check_array("dy", dy, (steps, batch, layer.output_size), layer.dtype, xp)


def _in_model(
    model: LanguageModel,
    ids: Array,
    targets: Array | None,
    state: Any,
    context: int,
    truncation: Any,
    optimizer: Any,
    clip: float | None,
    training: bool,
) -> Iterator[Nonfinite]:
    yield from in_state(state)
    yield from in_arrays("weight", model.params)
    x, rows = (ids, None) if model.embedding is None else model.embedding.forward(ids)
    y, _, tape = model.recurrent.forward(x, state, training=training)
    yield from in_forward(model.recurrent, tape)
    logits, linear_tape = model.output.forward(y[context:])
    yield from in_steps("logits", "logits", logits, context)
    if targets is None:
        return
    yield from in_steps("loss", "loss", softmax_cross_entropy(logits, targets, reduction="none")[0], context)
    loss, dlogits = softmax_cross_entropy(logits, targets)
    yield from in_arrays("loss", {"loss": loss})
    yield from in_steps("adjoint", "logits", dlogits, context)
    dy = model.output.backward(dlogits, linear_tape)[0]
    yield from in_steps("adjoint", "y", dy, context)
    dy = array_module(dy).concatenate([np.zeros_like(y[:context]), dy])
    grads = model.backward(dlogits, SequenceTape(rows, tape, linear_tape, context), truncation=truncation)[1]
    yield from in_backward(model.recurrent, dy, tape, grads)
    norm = clip_grad_norm(grads, np.inf if clip is None else clip)
    yield from in_arrays("gradient", {"norm": norm})
    if optimizer is not None:
        params = model.params.like(model.params.flat.copy())
        copy.deepcopy(optimizer).step(params, grads)
        yield from in_arrays("update", params)
