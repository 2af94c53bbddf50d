"""G1 to G27: wrong inside one time step of a cell."""

from __future__ import annotations

import numpy as np
from mutants.mutant import Mutant, edit, wrap

from npseq.bptt import gradients
from npseq.layers import gru as gru_module
from npseq.layers import lstm as lstm_module
from npseq.layers import rnn as rnn_module
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

GATES = (
    Mutant("G1", "tanh's derivative from its input, 1 - a^2", "rnn",
           wrap(rnn_module, "dtanh", lambda right: lambda h, out: np.subtract(1, np.arctanh(h) ** 2, out=out))),
    Mutant("G2", "tanh' as 1 - h, the square forgotten", "rnn",
           wrap(rnn_module, "dtanh", lambda right: lambda h, out: np.subtract(1, h, out=out))),
    Mutant("G3", "tanh' left out", "rnn",
           edit(RNNCell.local_derivatives, "dphi(h_new, out=s_h) -> s_h[...] = 1")),
    Mutant("G4", "ReLU' 1 everywhere", "rnn relu",
           edit(RNNCell.local_derivatives, "dphi(h_new, out=s_h) -> s_h[...] = 1")),
    Mutant("G5", "tanh' of the state before the step", "rnn",
           edit(RNNCell.local_derivatives, "(h_new,) = s[0], new -> (h_new,) = s[0], old")),
    Mutant("G6", "sigmoid' as 1 - y, a factor y forgotten", "lstm",
           wrap(lstm_module, "dsigmoid", lambda right: lambda y, out: np.subtract(1, y, out=out))),
    Mutant("G7", "sigmoid applied twice in sigmoid'", "gru after",
           wrap(gru_module, "dsigmoid", lambda right: lambda y, out: right(gru_module.sigmoid(y), out))),
    Mutant("G8", "input and forget gate swapped", "lstm",
           edit(LSTMCell.local_derivatives, "out=s_o_i_f) -> out=s_o_i_f); s[1], s[2] = s[2].copy(), s[1].copy()")),
    Mutant("G9", "di from c_{t-1} and df from g, swapped", "lstm",
           edit(LSTMCell.local_derivatives, "s_i *= g -> s_i *= c", "s_f *= c -> s_f *= g")),
    Mutant("G10", "df from c_t, not c_{t-1}", "lstm",
           edit(LSTMCell.local_derivatives, "s_f *= c -> s_f *= c_new")),
    Mutant("G11", "sigmoid' in place of tanh' for g", "lstm",
           edit(LSTMCell.local_derivatives, "dtanh(g, -> dsigmoid(g,")),
    Mutant("G12", "do from c, not tanh(c)", "lstm",
           edit(LSTMCell.local_derivatives, "s_o *= tanh_c -> s_o *= c_new")),
    Mutant("G13", "o left out of dc", "lstm",
           edit(LSTMCell.local_derivatives, "s_c *= o -> pass")),
    Mutant("G14", "dh never reaches c", "lstm",
           edit(LSTMCell.backward, "dc_new + dm * s_c -> dc_new * 1")),
    Mutant("G15", "dc carried without the forget gate", "lstm",
           edit(LSTMCell.backward, "dc = dc_all * f -> dc = dc_all")),
    Mutant("G16", "dc carried by the input gate", "lstm",
           edit(LSTMCell.backward, "dc_all * f -> dc_all * a[1]")),
    Mutant("G17", "the output gate's peephole left out of dc", "lstm peepholes",
           edit(LSTMCell.backward, "dc_all += do * p_o -> pass")),
    Mutant("G18", "the input and forget gates' peepholes left out of dc", "lstm peepholes",
           edit(LSTMCell.backward, "dc += di * p_i + df * p_f -> pass")),
    Mutant("G19", "p_o's gradient from c_{t-1}", "lstm peepholes",
           edit(LSTMCell.vector_gradients, "do * c_new -> do * c")),
    Mutant("G20", "the factor 1 - z missing", "gru after",
           edit(GRUCell.local_derivatives, "s_n *= 1 - z -> pass")),
    Mutant("G21", "dz with the sign of 1 - z", "gru after",
           edit(GRUCell.local_derivatives, "s_z *= h - n -> s_z *= n - h")),
    Mutant("G22", "dh carried by 1 - z", "gru after",
           edit(GRUCell.backward, "dh = dh_new * z -> dh = dh_new * (1 - z)")),
    Mutant("G23", "reset gate left out on the way to h W_hn", "gru after",
           edit(GRUCell.local_derivatives, "s_v[...] = r -> s_v[...] = 1")),
    Mutant("G24", "reset gate left out of dh", "gru before",
           edit(GRUCell.backward, "dh += dm * r -> dh += dm")),
    Mutant("G25", "dr from h, not h W_hn", "gru after",
           edit(GRUCell.local_derivatives, "s_r *= v -> s_r *= h")),
    Mutant("G26", "b_hn's gradient without the reset gate", "gru after",
           edit(gradients._products, "da[block * units : (block + 1) * units] -> da[-units:]")),
    Mutant("G27", "dW_hn from h, not r * h", "gru before",
           edit(gradients._products, 'side_by_side(strand.m[at], workspace, "m") -> s[:P]')),
)
