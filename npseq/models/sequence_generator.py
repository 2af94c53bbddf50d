"""A sequence generator reads one vector and writes many steps: a caption of a picture, a melody of a mood."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, array_or_lists, finite, instance, integer, one_of
from npseq.backend import Array, array_module, drawing, generator, to_host
from npseq.bptt.workspace import Workspace
from npseq.cell import Cell
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.batch import check_ids, check_old
from npseq.layers.bidirectional import check_forward_only
from npseq.layers.layer import require_real
from npseq.layers.lengths import check_lengths
from npseq.layers.linear import LinearTape
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import h_from_rows, h_of, rows_of, state_with
from npseq.losses import softmax_cross_entropy
from npseq.models.cells import CELL, check_cell_options, layer_of
from npseq.models.decoding.choice import check_choice, sample
from npseq.models.decoding.generation import check_length
from npseq.models.examples import Examples
from npseq.models.fitting import Fitting, no_targets
from npseq.models.positions import step_mask
from npseq.parameters import Parameters
from npseq.shown import by_fields


@by_fields
class GeneratorTape(NamedTuple):
    """What the four layers' backward passes read."""

    start: LinearTape
    embedding: Array
    recurrent: Any
    output: LinearTape


class SequenceGenerator(Fitting):
    """h_0 = v W_start + b_start, then x_t = embedding of y_{t-1}, and logits y_t = h_t W_out + b_out.

    v (B, D) makes every layer's first h; an LSTM's first c is zero. This is the captioning network of CS231n. `fit`
    takes (v, ids, targets) or (v, ids, targets, lengths), as `loss`. After it, `longest_` is the number of the longest
    targets, and `first_` the token that all sequences began with, None if they differ.

    Args:
        vector_size: D features.
        embedding: of the tokens; the model works on copies.
        cell: "rnn", "gru" or "lstm", or a cell of one's own; or a recurrent layer that reads embedding.dim features,
            forward only.
        hidden_size, num_layers, dropout: of a cell by name.
        rng: a seed or a Generator, of the initial values of start and output, and of a cell by name.

    Raises:
        ValueError: if the layer reads both ways, or its inputs are not the embedding's dim.

    Example:
        >>> model = ns.models.SequenceGenerator(3, ns.Embedding(5, 2, rng=0), ns.GRU(2, 4, rng=0), rng=0)
        >>> len(model.generate(np.ones((2, 3), np.float32), first=1, length=7)[0])
        7
    """

    start: Linear
    embedding: Embedding
    recurrent: Recurrent
    output: Linear

    fitted = (*Fitting.fitted, "first_", "longest_")
    first_: int | None = None
    longest_: int

    def __init__(
        self,
        vector_size: int,
        embedding: Embedding,
        cell: str | Cell | Recurrent = CELL,
        *,
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        rng: Any = None,
    ):
        given: dict[str, Any] = {"hidden_size": hidden_size, "num_layers": num_layers, "dropout": dropout}
        check_cell_options(cell, given, SequenceGenerator)
        size = instance("embedding", embedding, Embedding, "an Embedding").dim
        if isinstance(cell, Recurrent | Bidirectional):
            check_forward_only(cell)
            if cell.input_size != size:
                raise ValueError(
                    f"embedding must have the recurrent layer's {cell.input_size} inputs as its dim, got {size}"
                )
        with drawing(rng) as rng:
            layer = layer_of(cell, size, **given, dtype=embedding.dtype, rng=rng)
            start = Linear(vector_size, layer.num_layers * layer.state_size, dtype=layer.dtype, rng=rng)
            output = Linear(layer.output_size, embedding.num_embeddings, dtype=layer.dtype, rng=rng)
            self._join({"start": start, "embedding": embedding, "recurrent": layer, "output": output})

    def _made(self) -> dict[str, Any]:
        return {"vector_size": self.start.in_features, "embedding": self.embedding, "cell": self.recurrent}

    def _initial(self, v: Array) -> tuple[Any, LinearTape]:
        if array("v", v).ndim != 2:
            raise ValueError(f"v must have shape (B, {self.start.in_features}), got {v.shape}")
        rows, tape = self.start.forward(v)
        return state_with(self.recurrent.cell, h_from_rows(rows, self.recurrent.num_layers)), tape

    def forward(
        self, v: Array, ids: Array, *, training: bool = False, tape: GeneratorTape | None = None
    ) -> tuple[Array, GeneratorTape]:
        """Returns logits (T, B, V) of the token after each of ids, and the tape.

        Args:
            v: (B, D), what the sequences begin with.
            ids: (T, B).
            training: whether dropout acts.
            tape: an old one, to be written over.
        """
        check_old(tape, GeneratorTape)
        state, start = self._initial(v)
        x, looked_up = self.embedding.forward(check_ids("ids", ids, self.embedding.num_embeddings))
        old = None if tape is None else tape.recurrent
        y, _, recurrent = self.recurrent.forward(x, state, training=training, tape=old)
        logits, output = self.output.forward(y, copy=False)
        return logits, GeneratorTape(start, looked_up, recurrent, output)

    def backward(
        self,
        dlogits: Array,
        tape: GeneratorTape,
        *,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Array, Parameters]:
        """Returns dv (B, D) and the gradients of all parameters.

        Args:
            dlogits: (T, B, V).
            tape: the one that forward returned.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._begin(tape, GeneratorTape, grads, workspace)
        dx: Any
        dy, _ = self.output.backward(dlogits, tape.output, **own["output"])
        dx, dstate, _ = self.recurrent.backward(dy, tape.recurrent, **own["recurrent"])
        self.embedding.backward(dx, tape.embedding, grads=own["embedding"]["grads"])
        dv, _ = self.start.backward(rows_of(h_of(dstate)), tape.start, **own["start"])
        return dv, grads

    def loss(
        self,
        v: Array,
        ids: Array,
        targets: Array,
        lengths: Array | None = None,
        *,
        reduction: str = "mean",
        training: bool = False,
    ) -> tuple[Array, Parameters]:
        """Returns the cross-entropy of targets after ids, the sequence one step earlier, and its gradients.

        Args:
            v: (B, D), what the sequences begin with.
            ids, targets: (T, B).
            lengths: (B,), how many targets of each sequence count.
            reduction: "mean" over them, or "sum".
            training: whether dropout acts.
        """
        one_of("reduction", reduction, ("mean", "sum"))
        ids, counted = self._checked(ids, targets, lengths)
        logits, tape = self.forward(v, ids, training=training)
        weights = None if lengths is None else step_mask(len(ids), lengths, logits)
        value, dlogits = softmax_cross_entropy(logits, counted, weights=weights, reduction=reduction)
        return value, self.backward(dlogits, tape)[1]

    def _checked(self, ids: Array, targets: Array, lengths: Any) -> tuple[Array, Array]:
        """Both, 0 past each length. Raises TypeError or ValueError where they do not fit each other."""
        size = self.embedding.num_embeddings
        if array("targets", targets).shape != array("ids", ids).shape:
            raise ValueError(f"targets must have the shape of ids, {ids.shape}, got {targets.shape}")
        if lengths is not None:
            check_lengths(lengths, *ids.shape)
        return check_ids("ids", ids, size, lengths), check_ids("targets", targets, size, lengths)

    def _examples(self, data: Any, targets: Any) -> Examples:
        no_targets(targets, "data hold them")
        if not isinstance(data, tuple) or len(data) not in (3, 4):
            raise TypeError("data must be a tuple (v, ids, targets) or (v, ids, targets, lengths)")
        v = self._features("v", data[0])
        arrays: Any = (None if part is None else array("data", array_or_lists("data", part)) for part in data[1:])
        ids, wanted, lengths = (*arrays, None)[:3]
        self._checked(ids, wanted, lengths)
        if len(v) != ids.shape[1]:
            raise ValueError(f"v must have a row for each of the {ids.shape[1]} sequences of ids, got {v.shape}")
        finite("v", v)
        lengths = None if lengths is None else check_lengths(lengths, *ids.shape)
        return Examples((v, ids, wanted, lengths), (0, 1, 1, 0), ((1, 3), (2, 3)), targets=2)

    def _noted(self, examples: Examples) -> dict[str, Any]:
        arrays: Any = examples.arrays
        _, ids, wanted, lengths = arrays
        first = int(ids[0, 0]) if bool((ids[0] == ids[0, 0]).all()) else None
        return {"first_": first, "longest_": len(wanted) if lengths is None else int(lengths.max())}

    def predict(self, v: Array) -> list[np.ndarray]:
        """Returns the likeliest token after the likeliest, so many as the longest sequence of `fit` had, for each row.

        Args:
            v: (B, D).

        Raises:
            ValueError: before fit, or if the sequences there did not begin with one token; `generate` takes another.
        """
        if self.first_ is None:
            raise ValueError("sequences must have begun with one token in fit; take generate(v, first, length)")
        return self.generate(v, self.first_, self.longest_)

    def generate(
        self,
        v: Array,
        first: int,
        length: int,
        *,
        stop: int | None = None,
        temperature: float = 0,
        rng: Any = None,
    ) -> list[np.ndarray]:
        """Returns a sequence of at most `length` ids for each row of v.

        Args:
            v: (B, D).
            first: the token that is read first.
            length: how many steps to generate.
            stop: an id at which a sequence ends; it is not included.
            temperature: 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature).
            rng: a seed or a Generator, of what is drawn.

        Raises:
            ValueError: if a parameter is not finite.
        """
        require_real(self)
        self.check_finite()
        v = finite("v", self._features("v", v))
        xp, rng, size = array_module(self.params.flat), generator(rng), self.embedding.num_embeddings
        length, choice = check_length(length), check_choice(temperature)
        stop = None if stop is None else integer("stop", stop, 0, size)
        state, _ = self._initial(v)
        ids, found = np.full(len(v), integer("first", first, 0, size)), []
        for _ in range(length):
            x, _ = self.embedding.forward(xp.asarray(ids)[None])
            y, state, _ = self.recurrent.forward(x, state)
            scores = to_host(self.output.forward(y)[0][0].real)
            ids = np.array([sample(row, choice, rng) for row in scores])
            found.append(ids)
        rows = np.array(found, dtype=int).reshape(length, len(v)).T
        return [row if stop is None else row[: _first_index(row, stop)] for row in rows]


def _first_index(row: np.ndarray, token: int) -> int:
    at = np.flatnonzero(row == token)
    return int(at[0]) if len(at) else len(row)
