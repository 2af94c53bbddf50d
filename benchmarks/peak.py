"""Peak memory of training steps, each in a process of its own: python -m benchmarks.peak RIVAL CASE_AS_JSON

The largest resident set while two steps run, less what the process held before: libraries loaded, the model made, and
steps of four time steps done, so that what a library loads late is not counted. Linux counts it from a mark that is set
before; elsewhere it is ru_maxrss, which a larger past would hide.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.cases import Case
from benchmarks.problem import problem
from benchmarks.rivals import available, build

MARK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peaks(rival: str, case: Case, runs: int = 3, threads: int = 2) -> list[int]:
    """Bytes of some runs."""
    command = [sys.executable, "-m", "benchmarks.peak", rival, json.dumps(case.to_dict()), str(threads)]
    root = Path(__file__).parent.parent
    return [
        int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout) for _ in range(runs)
    ]


def peak(rival: str, case: Case, runs: int = 3) -> float:
    """The median, in MiB."""
    return median(peaks(rival, case, runs)) / 2**20


def measure_here(rival: str, case: Case, threads: int) -> int:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads):
        small = build([rival], problem(case._replace(T=min(4, case.T))))[rival]
        small.step()
        small.step()
        run = build([rival], problem(case))[rival]
        held = _reset()
        run.step()
        run.step()
        return _largest() - held


def _reset() -> int:
    """Sets the mark; the bytes held now."""
    if not STATUS.exists():
        return _largest()
    try:
        MARK.write_text("5")
    except OSError as error:
        raise RuntimeError(f"the mark of the largest resident set must be writable: {error}") from error
    return _status("VmRSS")


def _largest() -> int:
    if STATUS.exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    on = int(sys.argv[3])
    available(["npseq"], on if sys.argv[1] in ("torch", "scratch") else None)
    print(measure_here(sys.argv[1], Case(**json.loads(sys.argv[2])), on))
