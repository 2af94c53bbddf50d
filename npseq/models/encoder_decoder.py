"""An encoder with a decoder, and the gradient that runs through both (Dive into Deep Learning, 10.6, 10.7).

Their own equations are those of npseq/models/halves.py. Between them, c the context and s_0 the decoder's first state,

    (D3)  s_0 = state, or with a bridge  h = c W_bridge + b_bridge

What comes back through (D3) is added to the gradient by the context, or by the encoder's state.
"""

from typing import Any, NamedTuple

from npseq.arguments import instance
from npseq.backend import Array
from npseq.bptt.workspace import Workspace
from npseq.layers import Bidirectional, Linear
from npseq.layers.batch import check_ids, check_old
from npseq.layers.bidirectional import recurrent_layers
from npseq.layers.linear import LinearTape
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import h_from_rows, h_of, rows_of, state_with
from npseq.models.halves import Decoder, DecoderTape, Encoded, Encoder, EncoderTape, check_inputs
from npseq.models.model import Model
from npseq.parameters import Parameters
from npseq.shown import by_fields


@by_fields
class EncoderDecoderTape(NamedTuple):
    """Both halves' tapes, and the context that the bridge read."""

    encoder: EncoderTape
    decoder: DecoderTape
    bridge: Any


class EncoderDecoder(Model):
    """Any encoder with any decoder that takes its context, joined by (D3).

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
        instance("encoder", encoder, Encoder, "an Encoder")
        instance("decoder", decoder, Decoder, "a Decoder")
        instance("bridge", bridge, (Linear, type(None)), "a Linear or None")
        size, state_size = encoder.recurrent.output_size, decoder.recurrent.num_layers * decoder.recurrent.state_size
        mine, other = _state_form(encoder.recurrent), _state_form(decoder.recurrent)
        check_inputs("decoder", decoder.context_size, size)
        if bridge is None and mine != other:
            raise ValueError(
                f"without a bridge the decoder must take the encoder's state, {mine}, but it takes {other}; "
                f"give a bridge, Linear({size}, {state_size})"
            )
        if bridge is not None:
            check_inputs("bridge", bridge.in_features, size)
            check_inputs("decoder's state", state_size, bridge.out_features)
        self._join({"encoder": encoder, "decoder": decoder, "bridge": bridge})

    def init_state(self, encoded: Encoded) -> tuple[Any, LinearTape | None]:
        """Returns the decoder's first state (D3), and what the bridge's backward reads.

        Args:
            encoded: what the encoder's forward returned.
        """
        instance("encoded", encoded, Encoded, "what the encoder's forward returned")
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
        check_old(tape, EncoderDecoderTape)
        check_ids("source", source, self.encoder.embedding.num_embeddings, source_lengths)
        check_ids("inputs", inputs, self.decoder.embedding.num_embeddings)  # before the encoder draws its dropout
        if inputs.shape[1] != source.shape[1]:
            raise ValueError(f"inputs must have the {source.shape[1]} sequences of source, got {inputs.shape[1]}")
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
        grads, own = self._begin(tape, EncoderDecoderTape, grads, workspace)
        dcontext, dstate, _ = self.decoder.backward(dlogits, tape.decoder, **own["decoder"])
        if self.bridge is not None:
            through_bridge, _ = self.bridge.backward(rows_of(h_of(dstate)), tape.bridge, **own["bridge"])  # (D3)
            dcontext, dstate = dcontext + through_bridge, None
        self.encoder.backward(dcontext, dstate, tape.encoder, **own["encoder"])  # (D3)
        return grads


def _state_form(recurrent: Recurrent | Bidirectional) -> tuple[Any, ...]:
    """What makes two recurrent layers' states of one form: (parts of the state, rows, their sizes), one a layer."""
    layers = recurrent_layers(recurrent).values()
    return tuple((one.cell.state, one.num_layers * one.directions, one.state_size, one.hidden_size) for one in layers)
