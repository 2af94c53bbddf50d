"""What `import npseq` takes over `import numpy`: medians of fresh interpreters. python -m benchmarks.import_time"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from statistics import median

LIMIT = 0.1  # seconds
TIMER = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"


def seconds(module: str, environment: dict[str, str]) -> float:
    """One import in an interpreter of its own."""
    command = [sys.executable, "-c", TIMER.format(module)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="interpreters for each of the two")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}  # compiled files, as an installation has them
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        times: dict[str, list[float]] = {"numpy": [], "npseq": []}
        for run in range(-1, runs):
            for module, measured in times.items():
                taken = seconds(module, environment)
                if run >= 0:  # the first round compiles
                    measured.append(taken)
    over = median(times["npseq"]) - median(times["numpy"])
    for module, measured in times.items():
        print(f"import {module}: median {median(measured):.4f} s of {runs}, least {min(measured):.4f} s")
    print(f"npseq over numpy: {over:.4f} s, {'within' if over <= LIMIT else 'ABOVE'} the limit of {LIMIT} s")
    return int(over > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
