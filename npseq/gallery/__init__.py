"""Cells of the literature, one a file: `ns.Recurrent(ns.gallery.MGUCell(), input_size, hidden_size)` is a layer of one.

Each is written on npseq.cell.Cell alone, as a cell of one's own is, and derived in docs/derivations/gallery.
"""

from npseq.gallery.coupled_lstm import CoupledLSTMCell
from npseq.gallery.ind_rnn import IndRNNCell
from npseq.gallery.input_forget_lstm import InputForgetLSTMCell
from npseq.gallery.janet import JANETCell
from npseq.gallery.layer_norm_lstm import LayerNormLSTMCell
from npseq.gallery.leaky_rnn import LeakyRNNCell
from npseq.gallery.lru import LRUCell
from npseq.gallery.mgu import MGUCell
from npseq.gallery.min_gru import MinGRUCell
from npseq.gallery.min_lstm import MinLSTMCell
from npseq.gallery.ng_gru import NgGRUCell
from npseq.gallery.peephole_lstm import PeepholeLSTMCell
from npseq.gallery.recurrent_dropout_lstm import RecurrentDropoutLSTMCell
from npseq.gallery.slstm import SLSTMCell
from npseq.gallery.zoneout_lstm import ZoneoutLSTMCell

__all__ = [
    "CoupledLSTMCell",
    "IndRNNCell",
    "InputForgetLSTMCell",
    "JANETCell",
    "LRUCell",
    "LayerNormLSTMCell",
    "LeakyRNNCell",
    "MGUCell",
    "MinGRUCell",
    "MinLSTMCell",
    "NgGRUCell",
    "PeepholeLSTMCell",
    "RecurrentDropoutLSTMCell",
    "SLSTMCell",
    "ZoneoutLSTMCell",
]
