import pytest

from npseq.data import Vocabulary
from npseq.data.sentences import as_known, preprocess


def test_preprocessing_is_d2l_s():
    assert preprocess("Go.\tVa !") == "go .\tva !"
    assert preprocess("Hi, Tom!\tSalut,\u202fTom\u00a0!") == "hi , tom !\tsalut , tom !"
    assert preprocess(".a..b") == ".a . .b"


@pytest.mark.parametrize(
    ("learnt", "given", "read"),
    [
        ("i'm home . no ,", "I'm Home, no... Yes!", "i'm home , no . . . yes !"),
        ("I'm home.", "I'm Home. NO!", "I'm home. no!"),
        ("i'm home.", "I'm Home. no!", "i'm home. no!"),
        ("a -.", "A. -.", "a. -."),
    ],
)
def test_sentences_are_read_as_the_vocabulary_was_cleaned(learnt, given, read):
    vocabulary = Vocabulary(learnt.split(), reserved_tokens=["<pad>", "<eos>"])
    assert as_known([given.split(), []], vocabulary) == [read.split(), []]


def test_characters_are_read_one_by_one():
    assert as_known(["A.\xa0\n"], Vocabulary("a. ", token="char")) == [["a", ".", " ", "\n"]]
