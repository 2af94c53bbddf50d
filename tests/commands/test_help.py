"""Brief help hides all flags but the common ones, and --help-all shows every flag."""

import argparse

import pytest

from npseq.commands.help import WIDTH, Columns, HelpAll, brief, shown


@pytest.fixture
def parser():
    made = argparse.ArgumentParser("tool", formatter_class=Columns)
    made.add_argument("--common", metavar="N", help="used by all")
    made.add_argument("--rare", metavar="N", help="used by few " + "and described at length " * 5)
    brief(made, ["common"], "tool [flags]")
    return made


def printed(parser, flag, capsys):
    with pytest.raises(SystemExit) as caught:
        parser.parse_args([flag])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_help_shows_the_common_flags_and_how_to_see_the_others(parser, capsys):
    text = printed(parser, "--help", capsys)
    assert text.startswith("usage: tool [flags]")
    assert "--common N" in text
    assert "--help-all" in text
    assert "--rare" not in text


def test_help_all_shows_every_flag(parser, capsys):
    text = printed(parser, "--help-all", capsys)
    assert "--common N" in text
    assert "--rare N" in text
    assert "used by few" in text


def test_a_hidden_flag_is_still_read(parser):
    assert parser.parse_args(["--rare", "3"]).rare == "3"


def test_the_help_of_hidden_flags_can_be_restored(parser):
    (action,) = [action for action in parser._actions if isinstance(action, HelpAll)]
    shown(action.hidden)
    assert "--rare N" in parser.format_help()


def test_no_line_is_wider_than_a_terminal(parser, capsys):
    assert max(map(len, printed(parser, "--help-all", capsys).splitlines())) < WIDTH
