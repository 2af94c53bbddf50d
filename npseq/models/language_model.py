"""A language model reads token ids and writes the distribution of the next token."""

from collections.abc import Callable
from inspect import signature
from os import PathLike
from typing import Any

import numpy as np

from npseq.arguments import array, float_dtype, function, integer, one_of
from npseq.backend import Array, array_module, generator, to_host
from npseq.clipping import check_limit, clip_grad_norm
from npseq.data import Vocabulary
from npseq.files import read_content, write_content
from npseq.initializers import normal
from npseq.layers import Embedding
from npseq.layers.layer import require_real
from npseq.layers.states import as_state, state_arrays, state_before
from npseq.losses import softmax_cross_entropy
from npseq.models.decoding.generation import Stepper, check_request, finite_loss, generated, sized, stop_id, token_ids
from npseq.models.saving import FORMAT, check_size, content_of, model_from
from npseq.models.sequence import CELL_OF, LAYERS, Buffers, SequenceModel, check_own_options
from npseq.models.window import Window
from npseq.optim.optimizer import check_optimizer
from npseq.parameters import Parameters


class LanguageModel(SequenceModel):
    """Embedding (or one-hot), recurrent layers, and a linear output over the vocabulary.

    params: every parameter in one flat vector, named "embedding.W", "recurrent.W_xh", ..., "output.W", "output.b".

    Args:
        vocab: a Vocabulary, or its size V.
        cell: "rnn", "gru" or "lstm".
        hidden_size, num_layers, bidirectional, dropout, dtype: the recurrent layer's.
        embedding_size: features of an embedding; None is one-hot.
        initializer: "uniform", PyTorch's, or "normal", d2l's N(0, 0.01^2) with zero biases.
        nonlinearity, reset, peepholes, proj_size: the cell's own, as ns.RNN, ns.GRU and ns.LSTM take them.
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
        given = locals()
        one_of("cell", cell, tuple(LAYERS))
        one_of("initializer", initializer, ("uniform", "normal"))
        check_own_options(cell, {name: given[name] for name in CELL_OF})
        self.vocab, self.vocab_size = sized("vocab", vocab)
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
        self.config = {name: plain[name] for name in OPTIONS} | {"dtype": float_dtype(dtype).name}
        rng = generator(rng)
        shared = {"bidirectional": bidirectional, "dropout": dropout, "dtype": dtype, "rng": rng}
        own = {name: given[name] for name, owner in CELL_OF.items() if owner == cell}
        embedding = None if embedding_size is None else Embedding(self.vocab_size, embedding_size, dtype=dtype, rng=rng)
        inputs = self.vocab_size if embedding_size is None else embedding_size
        recurrent = LAYERS[cell](inputs, hidden_size, num_layers, **own, **shared)
        super().__init__(recurrent, self.vocab_size, embedding=embedding, rng=rng)
        if initializer == "normal":
            self._draw_normal(rng)

    def _draw_normal(self, rng: np.random.Generator) -> None:
        for name, value in self.params.items():
            is_bias = name.split(".")[1].startswith("b")
            value[...] = 0 if is_bias else normal(value.shape, rng, dtype=value.dtype)

    def logits(self, ids: Array, state: Any = None) -> tuple[Array, Any]:
        """Returns the scores (T, B, V) of the token after each of ids, and the state after them.

        Args:
            ids: (T, B).
            state: the one before them, as the recurrent layer takes it.
        """
        return self._run(array("ids", ids), state)[:2]

    def loss(  # type: ignore[override]
        self,
        ids: Array,
        targets: Array,
        state: Any = None,
        *,
        truncation: Any = None,
        context: int = 0,
        state_at: int | None = None,
    ) -> tuple[Array, Parameters, Any]:
        """Returns the mean cross-entropy of targets after ids, its gradients, and the last state.

        Carrying the returned state into the next call is truncated backpropagation: no gradient passes between calls.

        Args:
            ids: (T, B).
            targets: (T, B), the tokens after them.
            state: the one before ids; None is zeros.
            truncation: of this call's gradient, as the recurrent layer takes it.
            context: so many first steps have no targets, which are (T - context, B) then; they are read, and the
                gradient reaches over them.
            state_at: the state returned is that before this step, in [0, T], for a model of one direction; None is the
                last.

        Raises:
            ValueError: if ids or targets are out of range, or the state is for another batch.
        """
        window = Window(truncation, context, state_at)
        loss, state, buffers = self._backpropagate_from((ids, targets, state), window, None)
        return loss, buffers.grads, state

    def step(  # type: ignore[override]
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
        all_reduce: Callable[[Array, Parameters], Array] | None = None,
    ) -> tuple[Array, Any, Any]:
        """Runs one training step, writes params and own buffers; returns (loss, norm before clipping, state).

        Args:
            ids, targets, state, truncation, context, state_at: as `loss` takes them.
            optimizer: one of ns.optim, or anything with a step(params, grads).
            clip: the largest gradient norm over all parameters; None does not clip.
            all_reduce: called with loss and gradients before the clip; it makes them those of a batch that other
                processes share, the gradients in place, and returns the loss.

        Raises:
            TypeError, ValueError: as `loss`, or if optimizer or clip cannot be one, before anything is drawn.
        """
        check_optimizer(optimizer, self.params)
        check_limit("clip", np.inf if clip is None else clip)
        function("all_reduce", bool if all_reduce is None else all_reduce)
        batch, window = (ids, targets, state), Window(truncation, context, state_at)
        if all_reduce is None and not isinstance(self.params.flat, np.ndarray):
            loss, norm, state, grads = self._on_device(batch, clip, window)
        else:
            loss, norm, state, self._buffers = self._clipped(batch, clip, window, self._buffers, all_reduce)
            grads = self._buffers.grads
        optimizer.step(self.params, grads)
        return loss, norm, state

    def _clipped(
        self, batch: tuple, clip: float | None, window: Window, old: Buffers | None, all_reduce: Any = None
    ) -> tuple[Array, Any, Any, Buffers]:
        """A training step up to the optimizer: (loss, norm, state, buffers)."""
        loss, state, buffers = self._backpropagate_from(batch, window, old)
        if all_reduce is not None:
            loss = all_reduce(loss, buffers.grads)
        return loss, clip_grad_norm(buffers.grads, np.inf if clip is None else clip), state, buffers

    def _backpropagate_from(self, batch: tuple, window: Window, old: Buffers | None) -> tuple[Array, Any, Buffers]:
        """(loss, state, buffers) of a batch (ids, targets, state)."""
        ids, targets, state = batch
        window = window.check(ids, targets, self.vocab_size, self.recurrent)
        logits, state, tape = self._run(ids, state, None, True, old.tape if old else None, window.context)
        if window.state_at is not None:
            state = state_before(tape.recurrent, window.state_at, self.recurrent.state_size)
        loss, dlogits = softmax_cross_entropy(logits, targets)
        return loss, state, self._backward(dlogits, tape, old, window.truncation)

    def _on_device(self, batch: tuple, clip: float | None, window: Window) -> tuple[Array, Any, Any, Parameters]:
        """`_clipped` as a CUDA graph, unless the host draws or decides something in every step."""
        from npseq.gpu.graph import GraphedStep

        ids, targets, state = batch
        drops = self.recurrent.dropout.p > 0 and self.recurrent.num_layers > 1
        if drops or window.truncation is not None or not getattr(ids, "size", 0):
            loss, norm, state, self._buffers = self._clipped(batch, clip, window, self._buffers)
            return loss, norm, state, self._buffers.grads
        window = window.check(ids, targets, self.vocab_size, self.recurrent)
        array_module(self.params.flat, ids, targets)  # refuses arrays of two devices
        self._graphed = self._graphed or GraphedStep()
        inputs = [ids, targets, *state_arrays(self.recurrent.checked_state("state", state, ids.shape[1]))]
        (loss, norm, *arrays), grads = self._graphed(self._graph_step, self.params, inputs, clip, window)
        return loss, norm, as_state(arrays), grads

    def _graph_step(self, inputs: list[Array], old: Any, clip: float | None, window: Window) -> tuple[list, Buffers]:
        """What a graph captures: a step of arrays alone."""
        ids, targets, *arrays = inputs
        loss, norm, state, buffers = self._clipped((ids, targets, as_state(arrays)), clip, window, old)
        return [loss, norm, *state_arrays(state)], buffers

    def evaluate(self, ids: Array, steps: int = 256) -> float:
        """Returns the mean negative log-likelihood of ids, each token after all before it, in nats.

        Args:
            ids: (N,); the first token is given.
            steps: how many are run at a time.
        """
        require_real(self)
        if array("ids", ids).ndim != 1 or len(ids) < 2:
            raise ValueError(f"ids must be one sequence (N,) of at least 2 tokens, got {ids.shape}")
        self.check_finite()
        steps = integer("steps", steps)
        total, state = 0.0, None
        for start in range(0, len(ids) - 1, steps):
            inputs = ids[start : start + steps + 1]
            logits, state = self.logits(inputs[:-1, None], state)
            total += float(softmax_cross_entropy(logits, inputs[1:, None], reduction="sum")[0])
        return finite_loss(total) / (len(ids) - 1)

    def log_prob(self, tokens: Any) -> float:
        """Returns log P(y_1 .. y_n), the first token after a zero input and state (Ng, course 5, week 1).

        Args:
            tokens: a text, or ids (N,).
        """
        require_real(self)
        self.check_finite()
        ids = token_ids(tokens, self.vocab, self.vocab_size, array_module(self.params.flat))
        y, state, _ = self.recurrent.forward(array_module(ids).zeros((1, 1, self.recurrent.input_size), self.dtype))
        logits = self.output.forward(y)[0]
        total = -float(softmax_cross_entropy(logits, ids[:1, None], reduction="sum")[0])
        if len(ids) > 1:
            logits, _ = self.logits(ids[:-1, None], state)
            total -= float(softmax_cross_entropy(logits, ids[1:, None], reduction="sum")[0])
        return -finite_loss(-total)

    def generate(
        self, prefix: Any, length: int, temperature: float = 0, rng: Any = None, *, stop: str | int | None = None
    ) -> Any:
        """Returns prefix and `length` tokens after it: a text if prefix is one, else ids (N,).

        Args:
            prefix: a text or ids, read in for warm-up; an empty one begins as `log_prob` does.
            length: how many tokens to generate.
            temperature: 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature).
            rng: a seed or a Generator, of what is drawn.
            stop: a token or id at which generation ends; it is not included.

        Raises:
            ValueError: for a negative temperature, an unknown token (encode makes it <unk>) or id, or nan parameters.
        """
        require_real(self)
        self.check_finite()
        length, temperature = check_request(prefix, length, temperature, self.vocab)
        out = to_host(token_ids(prefix, self.vocab, self.vocab_size, array_module(self.params.flat), least=0)).tolist()
        last = None if stop is None else stop_id(stop, self.vocab, self.vocab_size)
        stepper = Stepper(self.embedding, self.recurrent, self.output)
        out += generated(stepper, out, length, temperature, generator(rng), last)
        return self.vocab.decode(out) if self.vocab and isinstance(prefix, str) else np.array(out, dtype=np.int64)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes parameters, configuration and vocabulary as one safetensors file.

        Args:
            path: of the file, or a link to it; one of npseq's that was there is replaced as a whole.

        Raises:
            OSError: if it cannot be written, or a file is there that npseq did not write.
            ValueError: for complex128, which safetensors files do not have.
        """
        write_content(content_of(self), path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "LanguageModel":
        """Returns the model that `save`, or a training checkpoint, wrote, on the host, with the same bits.

        Args:
            path: of the file.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if it is damaged, or another kind of file.
        """
        return model_from(cls, read_content(path, FORMAT, check_size), path)

    def __repr__(self) -> str:
        inputs = self.embedding or "one-hot"
        return f"LanguageModel({self.vocab_size} tokens, {inputs}, {self.recurrent}, {self.output})"


OPTIONS = tuple(name for name in signature(LanguageModel).parameters if name not in ("vocab", "rng"))
