"""docs/command_line.md is what the parser says."""

import runpy

from printed import ROOT, text_of


def test_the_page_is_made_from_the_parser():
    made = runpy.run_path(str(ROOT / "docs" / "_ext" / "command_line.py"))["page"]()
    assert text_of("docs/command_line.md") == made, "renew it: python docs/_ext/command_line.py"
    for flag in ("`--valid FILE", "`--top-p P`", "`--patience N`", "## npseq gradcheck"):
        assert flag in made
