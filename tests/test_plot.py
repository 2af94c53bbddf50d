import math
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from npseq.plot import is_ours, live_curve, new_figure, save_figure, training_curve
from npseq.training import EpochMetrics

EPOCHS = [EpochMetrics(k, math.log(9 / k), 9 / k, 1 + k, 1e5, 5.0 if k == 2 else math.nan) for k in (1, 2, 3)]


@pytest.fixture
def drawn(monkeypatch):
    """The figure that was saved last."""
    figures = []
    savefig = Figure.savefig

    def keep(self, *arguments, **options):
        figures.append(self)
        savefig(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def test_the_figure_shows_perplexity_and_gradient_norm(tmp_path, drawn):
    training_curve(EPOCHS, tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    above, below = drawn[0].axes
    assert above.get_yscale() == "log"
    assert list(above.lines[0].get_ydata()) == [9, 4.5, 3]
    assert list(above.lines[0].get_xdata()) == [1, 2, 3]
    assert (list(above.lines[1].get_xdata()), list(above.lines[1].get_ydata())) == ([2], [5.0])
    assert list(below.lines[0].get_ydata()) == [2, 3, 4]
    assert below.get_xlabel() == "epoch"
    assert "perplexity" in above.get_ylabel()
    assert "gradient norm" in below.get_ylabel()
    assert above.get_title() == "Perplexity 3 in epoch 3, 100,000 tokens a second"


def test_infinite_perplexities_leave_a_gap(tmp_path, drawn):
    training_curve([EPOCHS[0]._replace(perplexity=math.inf), *EPOCHS[1:]], tmp_path / "t.png")
    assert math.isnan(drawn[0].axes[0].lines[0].get_ydata()[0])


def test_one_epoch_is_enough_and_none_is_refused(tmp_path):
    training_curve(EPOCHS[:1], tmp_path / "t.png")
    with pytest.raises(ValueError, match="metrics must hold at least one epoch, got none"):
        training_curve([], tmp_path / "u.png")
    assert not (tmp_path / "u.png").exists()


def test_pyplot_and_its_global_state_are_left_alone(tmp_path):
    loaded = "matplotlib.pyplot" in sys.modules
    training_curve(EPOCHS, tmp_path / "t.png")
    assert ("matplotlib.pyplot" in sys.modules) == loaded


@pytest.mark.parametrize("name", ["f.png", "f.PNG", "f", "f.pdf", "f.svg", "f.ps", "f.eps"])
def test_a_figure_is_signed_and_only_a_signed_one_is_replaced(tmp_path, name):
    figure = new_figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    for _ in range(2):
        save_figure(figure, tmp_path / name)
        assert is_ours(tmp_path / name)
    kind = "png" if name == "f" else name[2:].lower()
    with open(tmp_path / "theirs", "wb") as file:
        figure.savefig(file, format=kind)  # Matplotlib's own way
    assert not is_ours(tmp_path / "theirs")
    with pytest.raises(FileExistsError, match=r"theirs' must be npseq's own file to be replaced"):
        save_figure(figure, tmp_path / "theirs")
    assert (tmp_path / "theirs").stat().st_size > 0


@pytest.mark.parametrize("backend", ["nonsense", "svg"])
def test_a_figure_needs_no_backend_and_leaves_the_users_choice(backend):
    code = (
        "import os; from npseq.plot import new_figure; new_figure(); import matplotlib; print(os.environ['MPLBACKEND'])"
    )
    code += "; kept = dict.__getitem__(matplotlib.rcParams, 'backend'); print(kept if isinstance(kept, str) else None)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env={**os.environ, "MPLBACKEND": backend})  # fmt: skip
    assert run.stdout.splitlines() == [backend, "None" if backend == "nonsense" else backend]


def test_a_live_curve_shows_every_other_epoch_and_the_last(drawn):
    pictures = []
    for seen, metrics in enumerate(live_curve(iter(EPOCHS), 2, show=pictures.append), 1):
        assert metrics is EPOCHS[seen - 1]
        assert len(pictures) == seen // 2
    assert [len(figure.axes[0].lines[0].get_ydata()) for figure in drawn] == [2, 3]
    assert all(png.startswith(b"\x89PNG") for png in pictures)


def test_in_a_notebook_each_picture_takes_the_place_of_the_one_before(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    kernel = SimpleNamespace(display=lambda display_id: handle, Image=lambda data, format: (data[:4], format))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=kernel))
    monkeypatch.setitem(sys.modules, "IPython.display", kernel)
    assert list(live_curve(EPOCHS)) == EPOCHS
    assert shown == [(b"\x89PNG", "png")] * 3


def test_a_live_curve_needs_a_place(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(
        ImportError, match=r"needs IPython, which is not installed; pip install 'npseq\[notebook\]', or give a show"
    ):
        live_curve(EPOCHS)
    with pytest.raises(ValueError, match="every must be a positive integer, got 0"):
        live_curve(EPOCHS, 0, show=len)
    with pytest.raises(TypeError, match="epochs must be metrics one by one"):
        live_curve(None, show=len)


@pytest.mark.parametrize("name", ["curve.txt", "curve.jpg", "curve.svgz", "curve.p"])
def test_a_figure_is_of_a_kind_in_which_its_maker_is_found(tmp_path, name):
    with pytest.raises(ValueError, match=rf"path must end as a figure does, in one of png, .*, got '{name}'"):
        training_curve([EpochMetrics(1, 1.0, 2.0, 1.0, 9.0)], tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_held_out_perplexity_is_drawn_and_the_best_epoch_named():
    from npseq.plot import _curve

    rows = [
        EpochMetrics(k, 1.0, 9 / k, 1.0, 1e5, held_out_perplexity=p) for k, p in enumerate((9.0, 4.0, 5.0), start=1)
    ]
    axes = _curve(rows).axes[0]
    assert axes.get_title() == "Held-out perplexity 4, best in epoch 2; 3 while training"
    assert axes.lines[1].get_ydata().tolist() == [9.0, 4.0, 5.0]
    assert [text.get_text() for text in axes.get_legend().get_texts()][1] == "on the held-out text, after the epoch"


def test_a_notebook_shows_a_figure():
    figure = new_figure()
    figure.subplots().plot([1, 2])
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert isinstance(figure, Figure)
