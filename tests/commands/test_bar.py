"""A bar is shown on a terminal only."""

from npseq.commands.bar import bar, parts


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    with bar("evaluating", 10, "tokens") as done:
        for _ in range(10):
            done(1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("npseq.commands.bar.PATIENCE", 0)
    with bar("evaluating", 10, "tokens") as done:
        done(10)
    assert "evaluating" in capsys.readouterr().err
    with bar("evaluating", 10, "tokens", quiet=True) as done:
        done(10)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_what_is_done_next(monkeypatch, capsys):
    with parts() as say:
        say("figures")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with parts() as say:
        say("figures")
    assert "figures" in capsys.readouterr().err
