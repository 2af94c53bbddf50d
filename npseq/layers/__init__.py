"""What a model is made of."""

from npseq.layers.gru import GRU
from npseq.layers.lstm import LSTM
from npseq.layers.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN"]
