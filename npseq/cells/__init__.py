"""The mathematics of one time step, a file a cell."""

from npseq.cells.cell import Cell
from npseq.cells.gru import GRU
from npseq.cells.lstm import LSTM
from npseq.cells.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "Cell"]
