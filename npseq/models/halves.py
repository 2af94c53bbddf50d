"""The halves of sequence to sequence, an encoder and a decoder (Dive into Deep Learning, 10.6).

S source steps, T target steps, B sequences, E features of an embedding, C of the context, V target tokens.

    (D1)  h_1 .. h_S, state = encoder(embedding of source)
    (D2)  c = h_S of the last layer, at each sequence's own last step, or any other q(h_1, ..., h_S)
    (D4)  s_t = decoder([embedding of y_{t-1}, c], s_{t-1})
    (D5)  logits_t = s_t W_out + b_out

Every step of (D4) reads c, so its gradient is the sum over them. s_0 is that of npseq/models/encoder_decoder.py.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import instance
from npseq.backend import Array, array_module
from npseq.bptt.workspace import Workspace
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.batch import check_array, check_ids, check_old
from npseq.layers.bidirectional import check_any_state, check_forward_only, check_recurrent
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import add_states
from npseq.models.model import Model
from npseq.models.pooling import pooling
from npseq.parameters import Parameters
from npseq.shown import by_fields


@by_fields
class Encoded(NamedTuple):
    """What an encoder leaves: its outputs h_t (S, B, C), its last state, and the context c (B, C)."""

    outputs: Array
    state: Any
    context: Array


@by_fields
class EncoderTape(NamedTuple):
    """What the encoder's backward reads."""

    embedding: Array
    recurrent: Any
    q: Any = None


@by_fields
class DecoderTape(NamedTuple):
    """What the decoder's backward reads."""

    embedding: Array
    recurrent: Any
    output: Any


class Encoder(Model):
    """Reads source ids (S, B) into a context and a state, by (D1) and (D2).

    Args:
        embedding: of the source tokens; the model works on copies.
        recurrent: any recurrent layer that reads embedding.dim features.
        q: what the context is of the outputs: "last", "mean" or "max", or an object with
            forward(outputs, lengths) -> (context (B, C), tape) and backward(dcontext, tape) -> doutputs.

    Raises:
        TypeError, ValueError: if the sizes do not fit, or q is none.

    Example:
        >>> encoder = ns.models.Encoder(ns.Embedding(10, 4, rng=0), ns.GRU(4, 8, rng=0))
        >>> encoded, tape = encoder.forward(np.zeros((6, 2), int))
        >>> encoded.context.shape
        (2, 8)
    """

    embedding: Embedding
    recurrent: Any

    def __init__(self, embedding: Embedding, recurrent: Recurrent | Bidirectional, q: Any = "last"):
        instance("embedding", embedding, Embedding, "an Embedding")
        check_inputs("recurrent", check_recurrent("recurrent", recurrent).input_size, embedding.dim)
        self.q = pooling(q)
        self._join({"embedding": embedding, "recurrent": recurrent})

    def forward(
        self, ids: Array, lengths: Array | None = None, *, training: bool = False, tape: EncoderTape | None = None
    ) -> tuple[Encoded, EncoderTape]:
        """Returns the outputs, the last state and the context, and the tape.

        Args:
            ids: (S, B).
            lengths: (B,), where each source ends, or a mask (T, B) of the steps that it has; None reads the padding as
                well, as d2l does.
            training: whether dropout acts.
            tape: an old one, to be written over.
        """
        check_old(tape, EncoderTape)
        x, looked_up = self.embedding.forward(check_ids("ids", ids, self.embedding.num_embeddings, lengths))
        old = None if tape is None else tape.recurrent
        y, state, recurrent = self.recurrent.forward(x, None, lengths, training=training, tape=old)
        if self.q is None:
            return Encoded(y, state, last_output(self.recurrent, state)), EncoderTape(looked_up, recurrent)
        context, q_tape = self.q.forward(y, lengths)
        check_array("q(...)", context, (ids.shape[1], self.recurrent.output_size), self.dtype, array_module(y))
        return Encoded(y, state, context), EncoderTape(looked_up, recurrent, q_tape)

    def backward(
        self,
        dcontext: Array,
        dstate: Any,
        tape: EncoderTape,
        *,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> Parameters:
        """Returns the gradients of all parameters.

        Args:
            dcontext: (B, C), the loss's gradient by the context.
            dstate: the one by the last state; None is zeros.
            tape: the one that forward returned.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._begin(tape, EncoderTape, grads, workspace)
        batch, xp = tape.embedding.shape[1], array_module(grads.flat)
        check_array("dcontext", dcontext, (batch, self.recurrent.output_size), self.dtype, xp)
        check_any_state("dstate", dstate, self.recurrent, batch)
        doutputs = None if self.q is None else self.q.backward(dcontext, tape.q)  # (D2)
        if self.q is None:
            dstate = add_states(last_output_gradient(self.recurrent, dcontext), dstate)  # (D2)
        dx, _, _ = self.recurrent.backward(doutputs, tape.recurrent, dstate, **own["recurrent"])  # (D1)
        self.embedding.backward(dx, tape.embedding, grads=own["embedding"]["grads"])
        return grads


class Decoder(Model):
    """Reads the tokens so far (T, B) and a context, and writes the logits of the next ones, by (D4) and (D5).

    Args:
        embedding: of the target tokens; the model works on copies.
        recurrent: reads embedding.dim + C features, forward only.
        output: a Linear from the recurrent layer's features to the target tokens.

    Raises:
        ValueError: if recurrent reads both ways, or the sizes do not fit.

    Example:
        >>> decoder = ns.models.Decoder(ns.Embedding(10, 4, rng=0), ns.GRU(12, 8, rng=0), ns.Linear(8, 10, rng=0))
        >>> logits, state, tape = decoder.forward(np.zeros((5, 2), int), np.zeros((2, 8), np.float32), None)
        >>> logits.shape
        (5, 2, 10)
    """

    embedding: Embedding
    recurrent: Recurrent
    output: Linear

    def __init__(self, embedding: Embedding, recurrent: Recurrent, output: Linear):
        instance("embedding", embedding, Embedding, "an Embedding")
        check_forward_only(recurrent)
        if recurrent.input_size <= embedding.dim:
            raise ValueError(
                f"recurrent must read the embedding and a context, more than {embedding.dim} features, "
                f"got input_size {recurrent.input_size}"
            )
        check_inputs("output", instance("output", output, Linear, "a Linear").in_features, recurrent.output_size)
        self.context_size = recurrent.input_size - embedding.dim
        self._join({"embedding": embedding, "recurrent": recurrent, "output": output})

    def forward(
        self, ids: Array, context: Array, state: Any, *, training: bool = False, tape: DecoderTape | None = None
    ) -> tuple[Array, Any, DecoderTape]:
        """Returns logits (T, B, V), the state after them, and the tape.

        Args:
            ids: (T, B).
            context: (B, C).
            state: the first one, None for zeros, or the one that the call before returned.
            training, tape: as Encoder.forward takes them.
        """
        check_old(tape, DecoderTape)
        words, looked_up = self.embedding.forward(check_ids("ids", ids, self.embedding.num_embeddings))
        shape = (ids.shape[1], self.context_size)
        context = check_array("context", context, shape, self.dtype, array_module(self.params.flat))
        repeated = np.broadcast_to(context, (len(ids), *shape))
        x = np.concatenate([words, repeated], axis=2)
        old = None if tape is None else tape.recurrent
        y, state, recurrent = self.recurrent.forward(x, state, training=training, tape=old)
        logits, output = self.output.forward(y, copy=False)
        return logits, state, DecoderTape(looked_up, recurrent, output)

    def backward(
        self, dlogits: Array, tape: DecoderTape, *, grads: Parameters | None = None, workspace: Workspace | None = None
    ) -> tuple[Array, Any, Parameters]:
        """Returns dcontext (B, C), the gradient by the first state, and the gradients of all parameters.

        Args:
            dlogits: (T, B, V).
            tape: the one that forward returned.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._begin(tape, DecoderTape, grads, workspace)
        dy, _ = self.output.backward(dlogits, tape.output, **own["output"])  # (D5)
        dx: Any
        dx, dstate, _ = self.recurrent.backward(dy, tape.recurrent, **own["recurrent"])  # (D4)
        dwords, dcontext = dx[..., : self.embedding.dim], dx[..., self.embedding.dim :].sum(axis=0)  # (D4)
        self.embedding.backward(dwords, tape.embedding, grads=own["embedding"]["grads"])
        return dcontext, dstate, grads


def check_inputs(name: str, takes: int, given: int) -> None:
    if takes != given:
        raise ValueError(f"{name} must take what comes before it, {given} features, but takes {takes}")
