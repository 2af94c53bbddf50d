"""What a model has learnt, written to a file and read into a model that was built the same way."""

import os

import numpy as np
import pytest

import npseq as ns
from npseq.models import Classifier, Forecaster, LatentForecaster, Seq2Seq, SequenceGenerator, Tagger

BUILT = {
    "classifier": lambda rng: Classifier(ns.LSTM(3, 2, bidirectional=True, rng=rng), 4, rng=rng),
    "tagger": lambda rng: Tagger(
        ns.Bidirectional(ns.GRU(3, 2, rng=rng), ns.LSTM(3, 1, rng=rng)),
        2,
        embedding=ns.Embedding(5, 3, rng=rng),
        rng=rng,
    ),
    "seq2seq": lambda rng: Seq2Seq(6, 7, "lstm", 3, 4, 2, decoder_layers=1, bridge=True, dtype=np.float64, rng=rng),
    "generator": lambda rng: SequenceGenerator(3, ns.Embedding(5, 2, rng=rng), ns.GRU(2, 3, rng=rng), rng=rng),
    "forecaster": lambda rng: Forecaster(4, 10, rng=rng),
    "latent forecaster": lambda rng: LatentForecaster(1, "gru", 4, 2, rng=rng),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_was_saved_is_there_again_bit_for_bit(name, tmp_path):
    model, other = BUILT[name](0), BUILT[name](1)
    assert (model.params.flat != other.params.flat).any()
    path = tmp_path / "learnt.safetensors"
    model.save_params(path)
    other.load_params(path)
    np.testing.assert_array_equal(other.params.flat, model.params.flat)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_loaded_model_answers_as_the_saved_one_did(tmp_path):
    pairs = ns.data.load_pairs("reversal", 20)
    model, other = (Seq2Seq(pairs.source_vocab, pairs.target_vocab, "gru", 4, 8, 1, rng=seed) for seed in (0, 1))
    model.save_params(tmp_path / "p")
    other.load_params(tmp_path / "p")
    assert other.translate(["a", "b", "c"]) == model.translate(["a", "b", "c"])
    batch = next(pairs.batches(20, 0))
    other.step(*batch, optimizer=ns.SGD(0.1))  # the layers are still views of the one vector
    model.step(*batch, optimizer=ns.SGD(0.1))
    np.testing.assert_array_equal(other.params.flat, model.params.flat)


@pytest.mark.parametrize(
    "other",
    [Forecaster(5, 10, rng=1), Forecaster(4, 10, dtype=np.float64, rng=1), LatentForecaster(1, "rnn", 4, rng=1)],
)
def test_a_file_of_another_model_is_refused_and_changes_nothing(other, tmp_path):
    Forecaster(4, 10, rng=0).save_params(tmp_path / "p")
    before = other.params.flat.copy()
    with pytest.raises(
        ValueError, match=r"must hold the parameters of .*Forecaster\(.*; build the model as it was when"
    ):
        other.load_params(tmp_path / "p")
    np.testing.assert_array_equal(other.params.flat, before)


def test_a_damaged_file_is_refused(tmp_path):
    model, path = Forecaster(4, 10, rng=0), tmp_path / "p"
    model.save_params(path)
    damaged = bytearray(path.read_bytes())
    damaged[-3] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"is damaged \(its content does not match its SHA-256\)"):
        model.load_params(path)
    with pytest.raises(FileNotFoundError, match=r"found none at .*nowhere"):
        model.load_params(tmp_path / "nowhere")


def test_the_two_kinds_of_files_are_told_apart(tmp_path):
    ns.LanguageModel(5, "rnn", 3, rng=0).save(tmp_path / "language")
    with pytest.raises(
        ValueError, match=r"must be in the format 'npseq parameters' that npseq saved, its format is 'npseq L"
    ):
        Forecaster(rng=0).load_params(tmp_path / "language")
    Forecaster(rng=0).save_params(tmp_path / "parameters")
    with pytest.raises(
        ValueError, match=r"must be in the format 'npseq LanguageModel' that npseq saved, its format is 'npseq p"
    ):
        ns.LanguageModel.load(tmp_path / "parameters")


def test_a_file_of_parameters_is_written_where_a_link_leads_and_over_nothing_of_others(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for seed in (0, 1):
        model = Forecaster(rng=seed)
        model.save_params(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    again = Forecaster(rng=2)
    again.load_params(tmp_path / "there")
    np.testing.assert_array_equal(again.params.flat, model.params.flat)
    (tmp_path / "thesis").write_bytes(b"a thesis")
    for path in (tmp_path / "thesis", os.devnull, tmp_path):
        for save in (model.save_params, ns.LanguageModel(5, "rnn", 3, rng=0).save):
            with pytest.raises(FileExistsError, match=r"must be npseq's own file|must be a plain file"):
                save(path)
    assert (tmp_path / "thesis").read_bytes() == b"a thesis"


def test_a_dtype_that_the_format_lacks_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(
        ValueError, match=r"a file of arrays holds no complex128, got it as '.*'; convert it with astype"
    ):
        ns.LanguageModel(5, "rnn", 3, dtype=np.complex128, rng=0).save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_a_language_model_in_another_dtype_comes_back_in_it(tmp_path, dtype):
    model = ns.LanguageModel(5, "gru", 3, rng=0).astype(dtype)
    model.save(tmp_path / "m")
    again = ns.LanguageModel.load(tmp_path / "m")
    assert again.params.flat.dtype == dtype
    np.testing.assert_array_equal(again.params.flat, model.params.flat)


def test_parameters_of_a_model_with_another_activation_are_refused(tmp_path):
    first, second = (Tagger(ns.RNN(3, 4, nonlinearity=name, rng=0), 2, rng=0) for name in ("tanh", "softsign"))
    first.save_params(tmp_path / "p")
    before = second.params.flat.copy()
    with pytest.raises(
        ValueError, match=r"softsign.* holds those of .*tanh.*: its options are others; build the model"
    ):
        second.load_params(tmp_path / "p")
    np.testing.assert_array_equal(second.params.flat, before)
