"""The encoder and the decoder, and the gradient that runs through both halves (Dive into Deep Learning, 10.6, 10.7).

S source steps, T target steps, B sequences, E features of an embedding, C of the context, V target tokens.

    (D1)  h_1 .. h_S, state = encoder(embedding of source)
    (D2)  c = h_S of the last layer, at each sequence's own last step
    (D3)  s_0 = state, or with a bridge  h = c W_bridge + b_bridge
    (D4)  s_t = decoder([embedding of y_{t-1}, c], s_{t-1})
    (D5)  logits_t = s_t W_out + b_out

Every step of (D4) reads c, so its gradient is the sum over them; what comes back through (D3) is added to it.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array
from npseq.backend import Array
from npseq.bptt.workspace import Workspace
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.batch import within
from npseq.layers.bidirectional import recurrent_layers
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import add_states, h_from_rows, h_of, map_state, rows_of, state_with
from npseq.models.model import Model
from npseq.parameters import Parameters


class Encoded(NamedTuple):
    """What an encoder leaves: its outputs h_t (S, B, C), its last state, and the context c (B, C)."""

    outputs: Array
    state: Any
    context: Array


class EncoderTape(NamedTuple):
    """What the encoder's backward reads."""

    embedding: Array
    recurrent: Any


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

    Raises:
        ValueError: if the sizes do not fit.

    Example:
        >>> encoder = ns.models.Encoder(ns.Embedding(10, 4, rng=0), ns.GRU(4, 8, rng=0))
        >>> encoded, tape = encoder.forward(np.zeros((6, 2), int))
        >>> encoded.context.shape
        (2, 8)
    """

    embedding: Embedding
    recurrent: Any

    def __init__(self, embedding: Embedding, recurrent: Recurrent | Bidirectional):
        _check_inputs("recurrent", recurrent.input_size, embedding.dim)
        self._join({"embedding": embedding, "recurrent": recurrent})

    def forward(
        self, ids: Array, lengths: Array | None = None, *, training: bool = False, tape: EncoderTape | None = None
    ) -> tuple[Encoded, EncoderTape]:
        """Returns the outputs, the last state and the context, and the tape.

        Args:
            ids: (S, B).
            lengths: (B,), where each source ends; None reads the padding as well, as d2l does.
            training: whether dropout acts.
            tape: an old one, to be written over.
        """
        x, looked_up = self.embedding.forward(within(ids, lengths))
        old = None if tape is None else tape.recurrent
        y, state, recurrent = self.recurrent.forward(x, None, lengths, training=training, tape=old)
        return Encoded(y, state, last_output(self.recurrent, state)), EncoderTape(looked_up, recurrent)

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
        grads, own = self._gradients(grads, workspace)
        map_state(lambda part: array("dstate", part), dstate)
        dstate = add_states(last_output_gradient(self.recurrent, array("dcontext", dcontext)), dstate)  # (D2) (D3)
        dx, _, _ = self.recurrent.backward(None, tape.recurrent, dstate, **own["recurrent"])  # (D1)
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
    recurrent: Any
    output: Linear

    def __init__(self, embedding: Embedding, recurrent: Recurrent, output: Linear):
        if not isinstance(recurrent, Recurrent) or recurrent.directions == 2:
            raise ValueError(f"a decoder must read forward only, since the rest is not written yet, got {recurrent}")
        if recurrent.input_size <= embedding.dim:
            raise ValueError(
                f"recurrent must read the embedding and a context, more than {embedding.dim} features, "
                f"got input_size {recurrent.input_size}"
            )
        _check_inputs("output", output.in_features, recurrent.output_size)
        self.context_size = recurrent.input_size - embedding.dim
        self._join({"embedding": embedding, "recurrent": recurrent, "output": output})

    def forward(
        self, ids: Array, context: Array, state: Any, *, training: bool = False, tape: DecoderTape | None = None
    ) -> tuple[Array, Any, DecoderTape]:
        """Returns logits (T, B, V), the state after them, and the tape.

        Args:
            ids: (T, B).
            context: (B, C).
            state: (D3)'s, or the one that the call before returned.
            training, tape: as Encoder.forward takes them.
        """
        words, looked_up = self.embedding.forward(ids)
        repeated = np.broadcast_to(array("context", context), (len(ids), *context.shape))
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
        grads, own = self._gradients(grads, workspace)
        dy, _ = self.output.backward(dlogits, tape.output, **own["output"])  # (D5)
        dx, dstate, _ = self.recurrent.backward(dy, tape.recurrent, **own["recurrent"])  # (D4)
        dwords, dcontext = dx[..., : self.embedding.dim], dx[..., self.embedding.dim :].sum(axis=0)  # (D4)
        self.embedding.backward(dwords, tape.embedding, grads=own["embedding"]["grads"])
        return dcontext, dstate, grads


class EncoderDecoderTape(NamedTuple):
    """Both halves' tapes, and the context that the bridge read."""

    encoder: EncoderTape
    decoder: DecoderTape
    bridge: Any


class EncoderDecoder(Model):
    """Any encoder with any decoder that takes its context, by (D1) to (D5).

    Args:
        encoder, decoder: the two halves; the model works on copies.
        bridge: a Linear (C, L*H) that makes the decoder's first h from the context, for halves that differ in cell,
            layers, width or direction (an LSTM decoder's first c is then zero); None hands the encoder's state over.

    Raises:
        ValueError: if the context, the state or the bridge does not fit.

    Example:
        >>> encoder = ns.models.Encoder(ns.Embedding(10, 4, rng=0), ns.GRU(4, 8, rng=0))
        >>> decoder = ns.models.Decoder(ns.Embedding(9, 4, rng=0), ns.GRU(12, 8, rng=0), ns.Linear(8, 9, rng=0))
        >>> ns.models.EncoderDecoder(encoder, decoder).forward(np.zeros((6, 2), int), np.zeros((5, 2), int))[0].shape
        (5, 2, 9)
    """

    encoder: Encoder
    decoder: Decoder
    bridge: Linear | None = None

    def __init__(self, encoder: Encoder, decoder: Decoder, bridge: Linear | None = None):
        size, state_size = encoder.recurrent.output_size, decoder.recurrent.num_layers * decoder.recurrent.state_size
        mine, other = _state_form(encoder.recurrent), _state_form(decoder.recurrent)
        _check_inputs("decoder", decoder.context_size, size)
        if bridge is None and mine != other:
            raise ValueError(
                f"without a bridge the decoder must take the encoder's state, {mine}, but it takes {other}; "
                f"give a bridge, Linear({size}, {state_size})"
            )
        if bridge is not None:
            _check_inputs("bridge", bridge.in_features, size)
            _check_inputs("decoder's state", state_size, bridge.out_features)
        self._join({"encoder": encoder, "decoder": decoder, "bridge": bridge})

    def init_state(self, encoded: Encoded) -> tuple[Any, Array | None]:
        """Returns the decoder's first state (D3), and what the bridge's backward reads.

        Args:
            encoded: what the encoder's forward returned.
        """
        if self.bridge is None:
            return encoded.state, None
        rows, tape = self.bridge.forward(encoded.context)
        recurrent = self.decoder.recurrent
        return state_with(recurrent.cell, h_from_rows(rows, recurrent.num_layers)), tape

    def forward(
        self,
        source: Array,
        inputs: Array,
        source_lengths: Array | None = None,
        *,
        training: bool = False,
        tape: EncoderDecoderTape | None = None,
    ) -> tuple[Array, EncoderDecoderTape]:
        """Returns logits (T, B, V) of the token after each of inputs, and the tape.

        Args:
            source: (S, B).
            inputs: (T, B).
            source_lengths, training, tape: as Encoder.forward takes them.
        """
        first, second = (None, None) if tape is None else tape[:2]
        encoded, encoder_tape = self.encoder.forward(source, source_lengths, training=training, tape=first)
        state, bridge_tape = self.init_state(encoded)
        logits, _, decoder_tape = self.decoder.forward(inputs, encoded.context, state, training=training, tape=second)
        return logits, EncoderDecoderTape(encoder_tape, decoder_tape, bridge_tape)

    def backward(
        self,
        dlogits: Array,
        tape: EncoderDecoderTape,
        *,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> Parameters:
        """Returns the gradients of all parameters: through the decoder, its context and first state, into the encoder.

        Args:
            dlogits: (T, B, V).
            tape: the one that forward returned.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._gradients(grads, workspace)
        dcontext, dstate, _ = self.decoder.backward(dlogits, tape.decoder, **own["decoder"])  # (D5) (D4)
        if self.bridge is not None:
            through_bridge, _ = self.bridge.backward(rows_of(h_of(dstate)), tape.bridge, **own["bridge"])  # (D3)
            dcontext, dstate = dcontext + through_bridge, None
        self.encoder.backward(dcontext, dstate, tape.encoder, **own["encoder"])  # (D3) (D2) (D1)
        return grads


def _state_form(recurrent: Recurrent | Bidirectional) -> tuple:
    """What makes two recurrent layers' states of one form: (parts of the state, rows, their sizes), one a layer."""
    layers = recurrent_layers(recurrent).values()
    return tuple((one.cell.state, one.num_layers * one.directions, one.state_size, one.hidden_size) for one in layers)


def _check_inputs(name: str, takes: int, given: int) -> None:
    if takes != given:
        raise ValueError(f"{name} must take what comes before it, {given} features, but takes {takes}")
