"""A language model: token ids in, the next token's distribution out (A19, A36 of the notes)."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from npseq.arguments import float_dtype, integer, number, one_of
from npseq.backend import Array, array_module, device_module, generator, to_host
from npseq.bptt.workspace import Workspace, child
from npseq.clipping import clip_grad_norm
from npseq.data import Vocabulary
from npseq.files import VERSION, Content, damage_in, read_content, write_content
from npseq.initializers import normal
from npseq.layers import GRU, LSTM, RNN, Embedding, Linear
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import as_state, state_arrays
from npseq.losses import softmax_cross_entropy
from npseq.models.decoding.generation import Stepper, sample, stop_id, token_ids
from npseq.models.model import set_params
from npseq.models.sizes import parameter_count
from npseq.models.step import Buffers, Gradients, Reach, check_reach, state_before
from npseq.parameters import Parameters, join_layouts

FORMAT = "npseq language model"


class LanguageModel:
    """Embedding (or one-hot), recurrent layers, and a linear output over the vocabulary.

    vocab: a Vocabulary, or its size V. cell: "rnn", "gru" or "lstm". embedding_size: features of an embedding, None for
    one-hot. initializer: "uniform", PyTorch's, or "normal", d2l's N(0, 0.01^2) with zero biases. The others are the
    recurrent layer's. rng: a seed or a Generator.

    params: every parameter in one flat vector, named "embedding.W", "recurrent.W_xh", ..., "output.W", "output.b".
    """

    def __init__(
        self,
        vocab: Vocabulary | int,
        cell: str = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        *,
        embedding_size: int | None = None,
        bidirectional: bool = False,
        dropout: float = 0.0,
        initializer: str = "uniform",
        nonlinearity: str = "tanh",
        reset: str = "after",
        peepholes: bool = False,
        proj_size: int = 0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        one_of("cell", cell, ("rnn", "gru", "lstm"))
        one_of("initializer", initializer, ("uniform", "normal"))
        self.vocab = vocab if isinstance(vocab, Vocabulary) else None
        self.vocab_size = len(vocab) if isinstance(vocab, Vocabulary) else integer("vocab", vocab)
        self.config = {
            "cell": cell, "hidden_size": hidden_size, "num_layers": num_layers, "embedding_size": embedding_size,
            "bidirectional": bidirectional, "dropout": dropout, "initializer": initializer,
            "nonlinearity": nonlinearity, "reset": reset, "peepholes": peepholes, "proj_size": proj_size,
            "dtype": float_dtype(dtype).name,
        }  # fmt: skip
        rng = generator(rng)
        shared = {"bidirectional": bidirectional, "dropout": dropout, "dtype": dtype, "rng": rng}
        inputs = self.vocab_size if embedding_size is None else embedding_size
        make: dict[str, Any] = {
            "rnn": lambda: RNN(inputs, hidden_size, num_layers, nonlinearity=nonlinearity, **shared),
            "gru": lambda: GRU(inputs, hidden_size, num_layers, reset=reset, **shared),
            "lstm": lambda: LSTM(inputs, hidden_size, num_layers, peepholes=peepholes, proj_size=proj_size, **shared),
        }
        self.embedding = (
            None if embedding_size is None else Embedding(self.vocab_size, embedding_size, dtype=dtype, rng=rng)
        )
        self.recurrent: Recurrent = make[cell]()
        self.output = Linear(self.recurrent.output_size, self.vocab_size, dtype=dtype, rng=rng)
        parts = {name: layer for name, layer in self._layers() if layer is not None}
        flat = np.concatenate([layer.params.flat for layer in parts.values()])
        self._bind(Parameters(join_layouts({name: layer.params.layout for name, layer in parts.items()}), flat))
        self._buffers: Buffers | None = None
        self._graphed: Any = None
        if initializer == "normal":
            self._draw_normal(rng)

    def _layers(self) -> list[tuple[str, Any]]:
        return [("embedding", self.embedding), ("recurrent", self.recurrent), ("output", self.output)]

    def _bind(self, params: Parameters) -> None:
        """Makes every layer's parameters views of the model's one vector."""
        self.params = params
        for name, layer in self._layers():
            if layer is not None:
                layer.params = params.part(name, layer.params.layout)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy: its layers' parameters become views of its own vector, and it has no buffers yet."""
        self.__dict__.update(state, _buffers=None, _graphed=None)
        self._bind(self.params)

    def _parts(self, params: Parameters) -> dict[str, Parameters]:
        return params.once(
            ("parts",), lambda: {k: params.part(k, layer.params.layout) for k, layer in self._layers() if layer}
        )

    def _draw_normal(self, rng: np.random.Generator) -> None:
        for name, value in self.params.items():
            is_bias = name.split(".")[1].startswith("b")
            value[...] = 0 if is_bias else normal(value.shape, rng, dtype=value.dtype)

    def to(self, device: str) -> LanguageModel:
        """Moves the parameters to "cpu" or "gpu", in place, and returns the model itself."""
        xp = device_module(device)
        self._bind(self.params.like(to_host(self.params.flat) if xp is np else xp.asarray(self.params.flat)))
        self._buffers = self._graphed = None
        return self

    def logits(self, ids: Array, state: Any = None) -> tuple[Array, Any]:
        """Scores (T, B, V) of the token after each of ids (T, B), and the state after them."""
        y, state, _ = self.recurrent.forward(self._embed(ids)[0], state)
        return self.output.forward(y)[0], state

    def loss(
        self,
        ids: Array,
        targets: Array,
        state: Any = None,
        *,
        truncation: Any = None,
        context: int = 0,
        state_at: int | None = None,
    ) -> tuple[Array, Parameters, Any]:
        """The mean cross-entropy of targets (T, B) after ids (T, B), its gradients, and the last state.

        Carrying the returned state into the next call is truncated backpropagation: no gradient passes between calls.
        truncation: of this call's gradient, as the recurrent layer takes it. context: so many first steps have no
        targets, which are (T - context, B) then; they are read, and the gradient reaches over them. state_at: the state
        returned is that before this step, in [0, T], for a model of one direction; None is the last.
        Raises ValueError for ids or targets out of range, or a state for another batch.
        """
        reach = Reach(truncation, context, state_at)
        loss, state, buffers = self._backpropagate(ids, targets, state, None, reach)
        return loss, buffers.grads, state

    def step(
        self,
        ids: Array,
        targets: Array,
        state: Any,
        optimizer: Any,
        clip: float | None = None,
        *,
        truncation: Any = None,
        context: int = 0,
        state_at: int | None = None,
        join: Callable[[Array, Parameters], Array] | None = None,
    ) -> tuple[Array, Any, Any]:
        """One training step: (loss, gradient norm before clipping, state). Writes params and the model's own buffers.

        clip: the largest gradient norm over all parameters, None for no clipping. join: called with loss and gradients
        before the clip, makes them those of a batch that other processes share, the gradients in place, and returns the
        loss. The others are those of `loss`.
        """
        if not hasattr(optimizer, "step"):
            raise TypeError(f"optimizer must have a step(params, grads), got {type(optimizer).__name__}")
        if clip is not None and not number("clip", clip) >= 0:
            raise ValueError(f"clip must not be negative, got {clip}; None is no clipping")
        reach = Reach(truncation, context, state_at)
        if join is not None or isinstance(self.params.flat, np.ndarray):
            step, self._buffers = self._clipped_gradients(ids, targets, state, clip, reach, self._buffers, join)
        else:
            step = self._on_device(ids, targets, state, clip, reach)
        optimizer.step(self.params, step.grads)
        return step.loss, step.norm, step.state

    def _clipped_gradients(
        self,
        ids: Array,
        targets: Array,
        state: Any,
        clip: float | None,
        reach: Reach,
        old: Buffers | None,
        join: Callable[[Array, Parameters], Array] | None = None,
    ) -> tuple[Gradients, Buffers]:
        """A training step up to the optimizer, and its buffers."""
        loss, state, buffers = self._backpropagate(ids, targets, state, old, reach)
        if join is not None:
            loss = join(loss, buffers.grads)
        norm = clip_grad_norm(buffers.grads, np.inf if clip is None else clip)
        return Gradients(loss, norm, state, buffers.grads), buffers

    def _on_device(self, ids: Array, targets: Array, state: Any, clip: float | None, reach: Reach) -> Gradients:
        """The same as a CUDA graph, unless the host draws or decides something in every step."""
        from npseq.gpu.graph import GraphedStep

        drops = self.recurrent.dropout.p > 0 and self.recurrent.num_layers > 1
        if drops or reach.truncation is not None or not getattr(ids, "size", 0):
            step, self._buffers = self._clipped_gradients(ids, targets, state, clip, reach, self._buffers)
            return step
        check_reach(ids, targets, reach, self.recurrent)
        array_module(self.params.flat, ids, targets)  # refuses arrays of two devices
        h, c = self.recurrent.checked_state("state", state, ids.shape[1])
        inputs = [ids, targets, *state_arrays((h, c))]
        self._graphed = self._graphed or GraphedStep()
        (loss, norm, *parts), grads = self._graphed(self._graph_step, self.params, inputs, clip, reach)
        return Gradients(loss, norm, as_state(parts), grads)

    def _graph_step(
        self, inputs: list[Array], old: Buffers | None, clip: float | None, reach: Reach
    ) -> tuple[list[Array], Buffers]:
        ids, targets, *parts = inputs
        step, buffers = self._clipped_gradients(ids, targets, as_state(parts), clip, reach, old)
        return [step.loss, step.norm, *state_arrays(step.state)], buffers

    def _embed(self, ids: Array) -> tuple[Array, Any]:
        return (ids, None) if self.embedding is None else self.embedding.forward(ids)

    def _backpropagate(
        self, ids: Array, targets: Array, state: Any, old: Buffers | None, reach: Reach
    ) -> tuple[Array, Any, Buffers]:
        check_reach(ids, targets, reach, self.recurrent)
        grads = old.grads if old else self.params.like(array_module(self.params.flat).empty_like(self.params.flat))
        x, looked_up = self._embed(ids)
        y, state, tape = self.recurrent.forward(x, state, training=True, tape=old.tape if old else None)
        if reach.state_at is not None:
            state = state_before(tape, reach.state_at, self.recurrent.state_size)
        logits, linear_tape = self.output.forward(y[reach.context :] if reach.context else y)
        loss, dlogits = softmax_cross_entropy(logits, targets)
        own = self._parts(grads)
        workspace = old.workspace if old else None
        dy, _ = self.output.backward(dlogits, linear_tape, grads=own["output"], workspace=child(workspace, "output"))
        if reach.context:
            dy = array_module(dy).concatenate([np.zeros_like(y[: reach.context]), dy])
        dx, _, _ = self.recurrent.backward(
            dy, tape, truncation=reach.truncation, workspace=child(workspace, "recurrent"), grads=own["recurrent"]
        )
        if self.embedding is not None:
            self.embedding.backward(dx, looked_up, grads=own["embedding"])
        return loss, state, Buffers(tape, workspace or Workspace(), grads)

    def evaluate(self, ids: Array, steps: int = 256) -> float:
        """Mean negative log-likelihood of ids (N,), each token after all before it, in nats; nothing is learnt.

        The first token is given. steps: how many are run at a time.
        """
        if getattr(ids, "ndim", 0) != 1 or len(ids) < 2:
            raise ValueError(f"ids must be one sequence (N,) of at least 2 tokens, got {getattr(ids, 'shape', ids)}")
        integer("steps", steps)
        total, state = 0.0, None
        for start in range(0, len(ids) - 1, steps):
            inputs = ids[start : start + steps + 1]
            logits, state = self.logits(inputs[:-1, None], state)
            total += float(softmax_cross_entropy(logits, inputs[1:, None], reduction="sum")[0])
        return total / (len(ids) - 1)

    def log_prob(self, tokens: Any) -> float:
        """log P(y_1 .. y_n) of a text or ids, the first token after a zero input and state, as Ng's sampling begins."""
        ids = self._ids(tokens)
        width = self.recurrent.input_size
        xp = array_module(self.params.flat)
        first = xp.zeros((1, 1, width), self.recurrent.dtype)
        y, state, _ = self.recurrent.forward(first)
        logits = self.output.forward(y)[0]
        total = -float(softmax_cross_entropy(logits, ids[:1, None], reduction="sum")[0])
        if len(ids) > 1:
            logits, _ = self.logits(ids[:-1, None], state)
            total -= float(softmax_cross_entropy(logits, ids[1:, None], reduction="sum")[0])
        return total

    def generate(
        self, prefix: Any, length: int, temperature: float = 0, rng: Any = None, stop: str | int | None = None
    ) -> Any:
        """prefix, read in for warm-up, and `length` tokens after it: a text where prefix is one, else ids (N,).

        An empty prefix begins as `log_prob` does, from a zero input and state. temperature 0 takes the likeliest token;
        else tokens are drawn from P^(1 / temperature). stop: a token, or its id, that ends it, unsaid.
        Raises ValueError for a negative temperature or a token or id that the vocabulary does not hold.
        """
        if not 0 <= number("temperature", temperature) < np.inf:
            raise ValueError(f"temperature must be 0, for the likeliest token, or positive, got {temperature}")
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 0:
            raise ValueError(f"length must be an integer of at least 0, the tokens to write, got {length!r}")
        out = to_host(self._ids(prefix, least=0)).tolist()
        last = None if stop is None else stop_id(stop, self.vocab, self.vocab_size)
        rng = generator(rng)
        stepper = Stepper(self.embedding, self.recurrent, self.output)
        for token in out[:-1]:
            stepper.scores(token)
        token = out[-1] if out else None
        for _ in range(length):
            token = sample(stepper.scores(token), temperature, rng)
            if token == last:
                break
            out.append(token)
        if self.vocab is not None and isinstance(prefix, str):
            return self.vocab.decode(out)
        return np.array(out, dtype=np.int64)

    def _ids(self, tokens: Any, least: int = 1) -> Array:
        return token_ids(tokens, self.vocab, self.vocab_size, array_module(self.params.flat), least)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes parameters, configuration and vocabulary as one safetensors file. Raises OSError if it cannot."""
        write_content(content_of(self), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> LanguageModel:
        """The model that `save`, or a training checkpoint, wrote, on the host, with the same bits.

        Raises FileNotFoundError where there is no file, ValueError for a damaged or foreign one.
        """
        return model_from(read_content(path, FORMAT), path)

    def __repr__(self) -> str:
        return (
            f"LanguageModel({self.vocab_size} tokens, {self.embedding or 'one-hot'}, {self.recurrent}, {self.output})"
        )


def content_of(model: LanguageModel) -> Content:
    """What a file of a model holds: parameters by name, configuration and vocabulary as JSON."""
    vocabulary = model.vocab_size if model.vocab is None else model.vocab.to_dict()
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(model.config)}
    params = model.params.like(to_host(model.params.flat))
    return Content(dict(params), {**metadata, "vocabulary": json.dumps(vocabulary)})


def model_from(content: Content, path: str | PathLike[str], rng: Any = 0) -> LanguageModel:
    """The model of `content_of`, on the host; tensors whose names hold a "/" are none of its parameters.

    path: for the errors. rng: for what the model draws later, the dropout. Raises ValueError where it cannot be.
    """
    with damage_in(path):
        config, vocabulary = (json.loads(content.metadata[name]) for name in ("config", "vocabulary"))
        vocab = vocabulary if isinstance(vocabulary, int) else Vocabulary.from_dict(vocabulary)
        tensors = {name: tensor for name, tensor in content.tensors.items() if "/" not in name}
        count = parameter_count(config, vocab if isinstance(vocab, int) else len(vocab))
        if count != (held := sum(tensor.size for tensor in tensors.values())):
            raise ValueError(f"its configuration has {count} parameters, it holds {held}")
        model = LanguageModel(vocab, **config, rng=rng)
        set_params(model.params, tensors)
        return model
