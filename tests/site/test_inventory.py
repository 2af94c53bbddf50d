"""An inventory of docs/inventories is renewed from a whole one."""

import sys
import zlib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
from inventory import renewed

KEPT = "# Sphinx inventory version 1\n# Project: P\n# Version: 3\nlist class old.html\nErr exception x\n"
WHOLE = """list py:class 1 types.html#$ -
list std:label -1 other.html#lists Lists
Err py:exception 1 errors.html#Err -
more py:function 1 functions.html#$ -
"""


def whole(text):
    return b"# Sphinx inventory version 2\n# zlib.\n" + zlib.compress(text.encode())


def test_kept_names_get_the_addresses_of_now():
    head = KEPT[: KEPT.index("list")]
    assert renewed(KEPT, whole(WHOLE)) == head + "Err exception errors.html\nlist class types.html\n"


def test_a_name_that_is_gone_is_an_error():
    with pytest.raises(KeyError, match="Err"):
        renewed(KEPT, whole(WHOLE.replace("Err ", "Error ")))
