"""G1 to G27: wrong inside one time step of a cell."""

from __future__ import annotations

import numpy as np
from mutants.mutant import Mutant, edit, wrap

from npseq.bptt import gradients
from npseq.cells import GRU, LSTM, RNN
from npseq.cells import gru as gru_module
from npseq.cells import lstm as lstm_module
from npseq.cells import rnn as rnn_module

GATES = (
    Mutant("G1", "tanh's derivative from its input, 1 - a^2", "rnn",
           wrap(rnn_module, "dtanh", lambda right: lambda h: 1 - np.arctanh(h) ** 2)),
    Mutant("G2", "tanh' as 1 - h, the square forgotten", "rnn",
           wrap(rnn_module, "dtanh", lambda right: lambda h: 1 - h)),
    Mutant("G3", "tanh' left out", "rnn",
           edit(RNN.slopes, "dphi(after[0]) -> 1")),
    Mutant("G4", "ReLU' 1 everywhere", "rnn relu",
           edit(RNN.slopes, "dphi(after[0]) -> 1")),
    Mutant("G5", "tanh' of the state before the step", "rnn",
           edit(RNN.slopes, "after[0] -> before[0]")),
    Mutant("G6", "sigmoid' as 1 - y, a factor y forgotten", "lstm",
           wrap(lstm_module, "dsigmoid", lambda right: lambda y, out: np.subtract(1, y, out=out))),
    Mutant("G7", "sigmoid applied twice in sigmoid'", "gru after",
           wrap(gru_module, "dsigmoid", lambda right: lambda y, out: right(gru_module.sigmoid(y), out))),
    Mutant("G8", "input and forget gate swapped", "lstm",
           edit(LSTM.slopes, "out=out[:3]) -> out=out[:3]); out[1], out[2] = out[2].copy(), out[1].copy()")),
    Mutant("G9", "di from c_{t-1} and df from g, swapped", "lstm",
           edit(LSTM.slopes, "out[1] *= g -> out[1] *= before[1]", "out[2] *= before[1] -> out[2] *= g")),
    Mutant("G10", "df from c_t, not c_{t-1}", "lstm",
           edit(LSTM.slopes, "out[2] *= before[1] -> out[2] *= after[1]")),
    Mutant("G11", "sigmoid' in place of tanh' for g", "lstm",
           edit(LSTM.slopes, "dtanh(g) -> dsigmoid(g)")),
    Mutant("G12", "do from c, not tanh(c)", "lstm",
           edit(LSTM.slopes, "out[0] *= tanh_c -> out[0] *= after[1]")),
    Mutant("G13", "o left out of dc", "lstm",
           edit(LSTM.slopes, "return o * -> return")),
    Mutant("G14", "dh never reaches c", "lstm",
           edit(LSTM.backward, "dc + dm * more -> dc * 1")),
    Mutant("G15", "dc carried without the forget gate", "lstm",
           edit(LSTM.backward, "dc = dc * a[2] -> pass")),
    Mutant("G16", "dc carried by the input gate", "lstm",
           edit(LSTM.backward, "dc * a[2] -> dc * a[1]")),
    Mutant("G17", "the output gate's peephole left out of dc", "lstm peepholes",
           edit(LSTM.backward, "dc += do * own[0] -> pass")),
    Mutant("G18", "the input and forget gates' peepholes left out of dc", "lstm peepholes",
           edit(LSTM.backward, "dc += di * own[1] + df * own[2] -> pass")),
    Mutant("G19", "p_o's gradient from c_{t-1}", "lstm peepholes",
           edit(LSTM.own_gradients, "do * c_after -> do * c_before")),
    Mutant("G20", "the factor 1 - z missing", "gru after",
           edit(GRU.slopes, "multiply(1 - z, -> multiply(1,")),
    Mutant("G21", "dz with the sign of 1 - z", "gru after",
           edit(GRU.slopes, "out[1] *= h - n -> out[1] *= n - h")),
    Mutant("G22", "dh carried by 1 - z", "gru after",
           edit(GRU.backward, "passed = dh * z -> passed = dh * (1 - z)")),
    Mutant("G23", "reset gate left out on the way to h W_hn", "gru after",
           edit(GRU.slopes, "out[2] = r -> out[2] = 1")),
    Mutant("G24", "reset gate left out of dh", "gru before",
           edit(GRU.backward, "passed += dm * r -> passed += dm")),
    Mutant("G25", "dr from h, not h W_hn", "gru after",
           edit(GRU.slopes, "out[0] *= a[2] -> out[0] *= h")),
    Mutant("G26", "b_hn's gradient without the reset gate", "gru after",
           edit(gradients._products, "da[block * units : (block + 1) * units] -> da[-units:]")),
    Mutant("G27", "dW_hn from h, not r * h", "gru before",
           edit(gradients._products, 'columns(strand.m[at], workspace, "m") -> s[:P]')),
)
