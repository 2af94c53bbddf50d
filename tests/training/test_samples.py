"""The prefixes of samples are those given, those of the corpus, or the beginning of the text."""

from npseq.data import Vocabulary
from npseq.training import TrainingConfig
from npseq.training.samples import as_learnt, prefixes_of

TEXT = "the time traveller for so it will be convenient"
CHARACTERS = Vocabulary(list(TEXT))
WORDS = Vocabulary(TEXT.split(), token="word")


def test_prefixes_are_those_given():
    config = TrainingConfig(corpus="time-machine", sample_prefix=("so it", "for"))
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("so it", "for")


def test_prefixes_of_a_known_corpus_are_its_own_if_its_vocabulary_has_them():
    config = TrainingConfig(corpus="time-machine")
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("time traveller", "traveller")
    few = Vocabulary(list("the time"))
    assert prefixes_of(config, few, few.encode("the time")) == ("the time",)


def test_prefixes_of_any_other_text_are_its_beginning():
    config = TrainingConfig(corpus="a file")
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("the time t",)
    assert prefixes_of(TrainingConfig(corpus="a file", token="word"), WORDS, WORDS.encode(TEXT)) == ("the time",)


def test_a_prefix_is_cleaned_as_the_text_is():
    config = TrainingConfig(corpus="time-machine", sample_prefix=("So, it ",))
    assert prefixes_of(config, CHARACTERS, CHARACTERS.encode(TEXT)) == ("so it ",)
    assert as_learnt("So, it", TrainingConfig()) == "So, it"
