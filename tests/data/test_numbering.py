"""Tokens are numbered in the order of their first appearance, whichever way they come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npseq.data import Vocabulary
from npseq.data.numbering import Numbering, narrowest

PARTS = st.lists(st.one_of(st.text(max_size=9), st.lists(st.text("ab春", min_size=1, max_size=3), max_size=9)))


@settings(max_examples=100, deadline=None)
@given(parts=PARTS, most=st.one_of(st.none(), st.integers(0, 20)))
def test_the_ids_and_the_counts_are_those_of_all_tokens_in_a_list(parts, most):
    numbering, tokens = Numbering(most), [token for part in parts for token in part]
    for part in parts:
        numbering.add(part)
    expected = Vocabulary(tokens, token="word")
    found = Vocabulary(numbering.counts(), token="word")
    assert found == expected
    assert numbering.ids(found, np.int64).tolist() == expected[tokens][:most]


@pytest.mark.parametrize(
    ("count", "dtype"), [(2, np.int8), (128, np.int8), (129, np.int16), (70_000, np.int32), (2**40, np.int64)]
)
def test_ids_take_the_fewest_bytes(count, dtype):
    assert narrowest(count) is dtype
