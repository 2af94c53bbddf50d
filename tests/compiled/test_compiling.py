"""A cell is compiled once and kept on disk; what cannot be compiled says so once, and takes the plain path."""

from __future__ import annotations

import logging

import numpy as np

import npseq as ns


class Averaging(ns.Cell):
    """Not entry by entry."""

    gates = ("u",)

    def forward(self, a, old, new, p, project):
        np.tanh(a[0] - a[0].mean(axis=0), out=new[0])

    def backward(self, dnew, a, s, da, p, project):
        _, (h,) = s
        d = dnew[0] * (1 - h * h)
        da[0] = d - d.mean(axis=0)
        return (None,)


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_cell_is_compiled_once_and_then_found_on_disk(compiled, caplog, monkeypatch, tmp_path):
    from npseq.compiled import compiling

    cell = ns.layers.rnn.RNNCell()
    monkeypatch.setattr(compiling, "_folder", lambda: tmp_path)
    with caplog.at_level(logging.WARNING, "npseq"):
        first = compiling.functions_of.__wrapped__(cell, np.dtype(np.float64))
        second = compiling.functions_of.__wrapped__(cell, np.dtype(np.float64))
    assert [first.__name__, second.__name__] == [path.stem for path in tmp_path.glob("*.py")] * 2
    assert len(said(caplog)) == 1
    assert "compiling RNNCell" in said(caplog)[0]


def test_a_cell_that_cannot_be_traced_and_complex_numbers_say_so_once(compiled, caplog):
    layer = ns.Recurrent(Averaging(), 2, 3, rng=0, dtype=np.float64)
    x = np.ones((3, 1, 2))
    with caplog.at_level(logging.WARNING, "npseq"):
        for _ in range(2):
            assert ns.gradcheck_layer(layer, x)
    assert len(said(caplog)) == 2
    assert any("Averaging" in line and "plain path" in line for line in said(caplog))
    assert any("complex128" in line and "plain path" in line for line in said(caplog))


def test_where_nothing_can_be_written_a_folder_of_the_process_is_taken(compiled, monkeypatch, tmp_path):
    import pooch

    from npseq.compiled import compiling

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "file")
    folder = compiling._folder.__wrapped__()
    assert folder.is_dir()
    folder.rmdir()
