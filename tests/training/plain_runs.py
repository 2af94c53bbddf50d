"""The options of runs that hold nothing out and end with the same bits however many epochs they were begun with."""

from typing import Any

PLAIN: dict[str, Any] = {
    "clean": "letters",
    "cell": "rnn",
    "valid": 0,
    "optimizer": "sgd",
    "schedule": "constant",
    "temperature": 0,
}
