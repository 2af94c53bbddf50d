"""docs/own_data.md: each file takes at most 8 lines of public names; the data is not here, so nothing is learnt."""

import ast
import re

from printed import text_of

import npseq as ns

BLOCKS = re.findall(r"```python\n(.*?)```", text_of("docs/own_data.md"), re.DOTALL)


def test_a_file_takes_eight_lines_and_names_that_there_are():
    assert len(BLOCKS) == 15  # three functions, eleven files, nine series together
    for block in BLOCKS:
        code = [line for line in block.splitlines() if line and not line.startswith(("import ", "from "))]
        assert len(code) <= 8
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and re.fullmatch(r"ns(\.\w+)+", ast.unparse(node)):
                assert eval(ast.unparse(node), {"ns": ns})
