"""The encoder and the decoder, and the gradient that runs through both halves (A53, A54 of the notes).

S source steps, T target steps, B sequences, E features of an embedding, C of the context, V target tokens.

    (D1)  h_1 .. h_S, state = encoder(embedding of source)
    (D2)  c = h_S of the last layer, at each sequence's own last step
    (D3)  s_0 = state, or with a bridge  h = c W_bridge + b_bridge
    (D4)  s_t = decoder([embedding of y_{t-1}, c], s_{t-1})
    (D5)  logits_t = s_t W_out + b_out

c is read by every step of (D4), so its gradient is the sum over them; it joins what comes back through (D3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.layers.recurrent import Recurrent
from npseq.models.model import Model
from npseq.parameters import Parameters


class Encoded(NamedTuple):
    """What an encoder leaves: its outputs h_t (S, B, C), its last state, and the context c (B, C)."""

    outputs: Array
    state: Any
    context: Array


class EncoderTape(NamedTuple):
    """What the encoder's backward reads."""

    looked_up: Array
    recurrent: Any


class DecoderTape(NamedTuple):
    """What the decoder's backward reads."""

    looked_up: Array
    recurrent: Any
    output: Array


class Encoder(Model):
    """source ids (S, B) to the context and a state. (D1) (D2)"""

    parts = ("embedding", "recurrent")

    def __init__(self, embedding: Embedding, recurrent: Recurrent | Bidirectional):
        """embedding, recurrent: the model works on copies. Raises ValueError where their sizes do not fit."""
        _check_inputs("recurrent", recurrent.input_size, embedding.dim)
        self.embedding, self.recurrent = embedding, recurrent
        self._join()

    def forward(self, ids: Array, lengths: Array | None = None, training: bool = False) -> tuple[Encoded, EncoderTape]:
        """lengths (B,): where each source ends; None reads the padding as well, as d2l's does."""
        x, looked_up = self.embedding.forward(ids)
        y, state, tape = self.recurrent.forward(x, None, lengths, training=training)
        return Encoded(y, state, last_output(self.recurrent, state)), EncoderTape(looked_up, tape)

    def backward(self, dcontext: Array, dstate: Any, tape: EncoderTape) -> Parameters:
        """All gradients, from those by the context (B, C) and by the state (None: zeros)."""
        dstate = _added(last_output_gradient(self.recurrent, dcontext), dstate)  # (D2) (D3)
        dx, _, drecurrent = self.recurrent.backward(None, tape.recurrent, dstate)  # (D1)
        return self._gather({"embedding": self.embedding.backward(dx, tape.looked_up)[1], "recurrent": drecurrent})


class Decoder(Model):
    """Tokens so far (T, B) to the logits of the next ones, given a context. (D4) (D5)"""

    parts = ("embedding", "recurrent", "output")

    def __init__(self, embedding: Embedding, recurrent: Recurrent, output: Linear):
        """recurrent: reads embedding.dim + C features. Raises ValueError where it reads both ways or sizes misfit."""
        if not isinstance(recurrent, Recurrent) or recurrent.directions == 2:
            raise ValueError(f"a decoder must read forward only, since the rest is not said yet, got {recurrent}")
        if recurrent.input_size <= embedding.dim:
            raise ValueError(
                f"recurrent must read the embedding and a context, more than {embedding.dim} features, "
                f"got input_size {recurrent.input_size}"
            )
        _check_inputs("output", output.in_features, recurrent.output_size)
        self.embedding, self.recurrent, self.output = embedding, recurrent, output
        self._join()

    @property
    def context_size(self) -> int:
        return self.recurrent.input_size - self.embedding.dim

    def forward(self, ids: Array, context: Array, state: Any, training: bool = False) -> tuple[Array, Any, DecoderTape]:
        """logits (T, B, V), the state after them, and what backward reads. state: (D3)'s, or the one returned."""
        words, looked_up = self.embedding.forward(ids)
        repeated = np.broadcast_to(context, (len(ids), *context.shape))
        x = np.concatenate([words, repeated], axis=2)
        y, state, tape = self.recurrent.forward(x, state, training=training)
        logits, output = self.output.forward(y)
        return logits, state, DecoderTape(looked_up, tape, output)

    def backward(self, dlogits: Array, tape: DecoderTape) -> tuple[Array, Any, Parameters]:
        """dcontext (B, C), the gradient by the first state, and all gradients."""
        dx: Any
        dy, doutput = self.output.backward(dlogits, tape.output)  # (D5)
        dx, dstate, drecurrent = self.recurrent.backward(dy, tape.recurrent)  # (D4)
        dwords, dcontext = dx[..., : self.embedding.dim], dx[..., self.embedding.dim :].sum(axis=0)  # (D4)
        _, dembedding = self.embedding.backward(dwords, tape.looked_up)
        grads = {"embedding": dembedding, "recurrent": drecurrent, "output": doutput}
        return dcontext, dstate, self._gather(grads)


class EncoderDecoderTape(NamedTuple):
    """Both halves' tapes, and the context that the bridge read."""

    encoder: EncoderTape
    decoder: DecoderTape
    bridge: Array | None


class EncoderDecoder(Model):
    """Any encoder with any decoder that takes its context, by (D1) to (D5).

    bridge: a Linear (C, L*H) that makes the decoder's first h from the context, for halves that differ in cell, layers,
    width or direction (an LSTM decoder's first c is then zero); None hands the encoder's own state over.
    """

    parts = ("encoder", "decoder", "bridge")

    def __init__(self, encoder: Encoder, decoder: Decoder, bridge: Linear | None = None):
        """Raises ValueError where the context, the state or the bridge does not fit."""
        _check_inputs("decoder", decoder.context_size, encoder.recurrent.output_size)
        mine, other = _state_kind(encoder.recurrent), _state_kind(decoder.recurrent)
        if bridge is None and mine != other:
            raise ValueError(
                f"without a bridge the decoder must take the encoder's state, {mine}, but it takes {other}; "
                f"give a bridge, Linear({encoder.recurrent.output_size}, {_state_features(decoder.recurrent)})"
            )
        if bridge is not None:
            _check_inputs("bridge", bridge.in_features, encoder.recurrent.output_size)
            _check_inputs("decoder's state", _state_features(decoder.recurrent), bridge.out_features)
        self.encoder, self.decoder, self.bridge = encoder, decoder, bridge
        self._join()

    def init_state(self, encoded: Encoded) -> tuple[Any, Array | None]:
        """The decoder's first state (D3), and what the bridge's backward reads."""
        if self.bridge is None:
            return encoded.state, None
        rows, tape = self.bridge.forward(encoded.context)
        recurrent = self.decoder.recurrent
        h = rows.reshape(len(rows), recurrent.num_layers, recurrent.state_size).swapaxes(0, 1)
        return ((h, None) if "c" in recurrent.cell.state else h), tape

    def forward(
        self, source: Array, inputs: Array, source_lengths: Array | None = None, training: bool = False
    ) -> tuple[Array, EncoderDecoderTape]:
        """logits (T, B, V) of the token after each of inputs (T, B), given source (S, B), and what backward reads."""
        encoded, encoder_tape = self.encoder.forward(source, source_lengths, training)
        state, bridge_tape = self.init_state(encoded)
        logits, _, decoder_tape = self.decoder.forward(inputs, encoded.context, state, training)
        return logits, EncoderDecoderTape(encoder_tape, decoder_tape, bridge_tape)

    def backward(self, dlogits: Array, tape: EncoderDecoderTape) -> Parameters:
        """All gradients: through the decoder, its context and first state, into the encoder."""
        dcontext, dstate, ddecoder = self.decoder.backward(dlogits, tape.decoder)  # (D5) (D4)
        grads = {"decoder": ddecoder}
        if self.bridge is not None:
            dh = dstate[0] if isinstance(dstate, tuple) else dstate
            drows = dh.swapaxes(0, 1).reshape(dh.shape[1], -1)
            through_bridge, grads["bridge"] = self.bridge.backward(drows, tape.bridge)  # (D3)
            dcontext, dstate = dcontext + through_bridge, None
        grads["encoder"] = self.encoder.backward(dcontext, dstate, tape.encoder)  # (D3) (D2) (D1)
        return self._gather(grads)


def _added(first: Any, second: Any) -> Any:
    """Two gradients of one state, part by part; None is zeros."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, tuple):
        return tuple(_added(a, b) for a, b in zip(first, second, strict=True))
    return first + second


def _state_kind(recurrent: Recurrent | Bidirectional) -> tuple:
    """What makes two recurrent layers' states of one form: (carried parts, rows, their sizes)."""
    if isinstance(recurrent, Bidirectional):
        return ("pair", *(_state_kind(layer) for layer in recurrent.layers.values()))
    rows = recurrent.num_layers * recurrent.directions
    return recurrent.cell.state, rows, recurrent.state_size, recurrent.hidden_size


def _state_features(recurrent: Recurrent) -> int:
    return recurrent.num_layers * recurrent.state_size


def _check_inputs(name: str, takes: int, given: int) -> None:
    if takes != given:
        raise ValueError(f"{name} must take what comes before it, {given} features, but takes {takes}")
