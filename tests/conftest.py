"""Standing here, this file makes pytest put tests/ on the path: a test reads `from oracles.recurrent import run`."""
