"""Types in signatures as a reader knows them: ndarray alone, where NumPy's alias of any array has parameters."""

import re
from typing import Any

ALIAS = re.compile(r"numpy\.ndarray\[(?:tuple\[[^]]*\]|[^][]*), ~?numpy\.dtype\[[^]]*\]\]")  # NDArray[Any]


def shown(text: str | None) -> str | None:
    """Returns a signature in which NumPy's classes have their documented names."""
    return text and ALIAS.sub("numpy.ndarray", text).replace("numpy.random._generator.", "numpy.random.")


def process(
    app: Any, what: str, name: str, thing: Any, options: Any, arguments: str | None, returned: str | None
) -> Any:
    return shown(arguments), shown(returned)


def setup(app: Any) -> dict[str, Any]:
    app.connect("autodoc-process-signature", process)
    return {"parallel_read_safe": True}
