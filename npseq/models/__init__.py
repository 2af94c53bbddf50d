"""Models made of the layers."""

from npseq.models import counting
from npseq.models.classifier import Classifier
from npseq.models.counting import NGramModel
from npseq.models.decoding.beam_search import beam_search
from npseq.models.decoding.bleu import d2l_bleu
from npseq.models.encoder_decoder import EncoderDecoder
from npseq.models.forecaster import Forecaster
from npseq.models.halves import Decoder, Encoder
from npseq.models.intervals import Forecast
from npseq.models.language_model import LanguageModel
from npseq.models.latent_forecaster import LatentForecaster
from npseq.models.masked_loss import masked_softmax_cross_entropy
from npseq.models.seq2seq import Seq2Seq
from npseq.models.sequence_generator import SequenceGenerator
from npseq.models.series_forecaster import SeriesForecaster
from npseq.models.tagger import Tagger

__all__ = [
    "Classifier",
    "Decoder",
    "Encoder",
    "EncoderDecoder",
    "Forecast",
    "Forecaster",
    "LanguageModel",
    "LatentForecaster",
    "NGramModel",
    "Seq2Seq",
    "SequenceGenerator",
    "SeriesForecaster",
    "Tagger",
    "beam_search",
    "counting",
    "d2l_bleu",
    "masked_softmax_cross_entropy",
]
