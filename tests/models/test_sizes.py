import tracemalloc

import pytest

from npseq.models import LanguageModel
from npseq.models.sizes import parameter_count

CONFIG = LanguageModel(7, "gru", 5, rng=0).config


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("cell", "options"), [
    *((cell, options) for cell in ("rnn", "gru", "lstm") for options in ({}, {"embedding_size": 3, "num_layers": 3})),
    ("gru", {"reset": "before"}), ("lstm", {"peepholes": True}), ("lstm", {"proj_size": 2, "num_layers": 2}),
])  # fmt: skip
def test_the_size_is_that_of_the_model(cell, bidirectional, options):
    model = LanguageModel(7, cell, 5, bidirectional=bidirectional, rng=0, **options)
    assert parameter_count(model.config, 7) == model.params.flat.size


def test_a_size_of_any_height_takes_no_memory():
    tracemalloc.start()
    assert parameter_count({**CONFIG, "hidden_size": 10**9}, 7) > 10**18
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize("size", [-1, 2.0, True, "5", None])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="num_layers must be an integer of at least 0, got"):
        parameter_count({**CONFIG, "num_layers": size}, 7)
    with pytest.raises(KeyError, match="reset"):
        parameter_count({name: value for name, value in CONFIG.items() if name != "reset"}, 7)
