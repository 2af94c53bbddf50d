"""A command prints its result as text for people, or as one line of JSON for scripts."""

import json
import math
from typing import Any


def answer(text: str, content: dict[str, Any], as_json: bool) -> None:
    """Prints text, or content as JSON, on stdout."""
    print(json.dumps(_numbers(content), allow_nan=False) if as_json else text)


def _numbers(value: Any) -> Any:
    """Replaces nan and infinities, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {key: _numbers(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
