"""What a model is made of."""

from npseq.layers.bidirectional import Bidirectional
from npseq.layers.dropout import Dropout
from npseq.layers.embedding import Embedding
from npseq.layers.gru import GRU
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.layers.linear import Linear
from npseq.layers.lstm import LSTM
from npseq.layers.over_units import GRUOverUnitsCell, LSTMOverUnitsCell, RNNOverUnitsCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed
from npseq.layers.rnn import RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Dropout",
    "Embedding",
    "GRUOverUnitsCell",
    "LSTMOverUnitsCell",
    "Linear",
    "RNNOverUnitsCell",
    "Recurrent",
    "Reversed",
    "last_output",
    "last_output_gradient",
]
