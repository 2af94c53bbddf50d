"""Training over MPI on one machine, and on many by calculation: python -m benchmarks.parallel

One process with all threads, and `mpiexec -n R` with the threads shared out, train the same model on the same batches,
in turn. Then what R machines would give: each with a batch of its own of this size, a step takes the measured time of
one process and an all-reduce of the gradient and the loss, 2 (R - 1) / R times its bytes through the network and
2 log2(R) times a latency, nothing of it hidden behind the arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from math import log2
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cases import CELLS, Case
from benchmarks.problem import CLIP, RATE, problem
from benchmarks.record import record, report
from benchmarks.rivals import npseq_step
from benchmarks.table import cut
from benchmarks.timing import spread

SIZES = ((35, 32, 28, 256), (64, 64, 64, 1024))  # T, B, V, H
CURVE = 50
MACHINES = (2, 4, 8, 16, 32, 64)
NETWORKS = (10, 100)  # Gbit/s
LATENCY = 20e-6  # seconds of one message
ROUNDS = 3
AGREE = 5  # steps from one question whether to go on to the next: asked at each, it would hide waiting for each other


def work(case: Case, seconds: float, threads: int) -> dict[str, Any] | None:
    """What one rank does; rank 0 says how long each step took, and how long of that the all-reduce."""
    from threadpoolctl import threadpool_limits

    import npseq as ns
    from npseq.training.distributed.mpi import join_launched
    from npseq.training.distributed.shard import Shard

    communicator = join_launched()
    given = problem(case)
    model, optimizer = npseq_step.language_model(given), ns.SGD(RATE)
    shard = None if communicator is None else Shard(communicator, case.B)
    columns = slice(None) if shard is None else shard.columns
    x, targets, waits = given.x[:, columns], given.targets[:, columns], [0.0]

    def join(loss: Any, grads: Any) -> Any:
        start = perf_counter()
        loss = shard.all_reduce(loss, grads)
        waits[-1] = perf_counter() - start
        return loss

    times, losses, going = [], [], True
    with threadpool_limits(threads):
        start = perf_counter()
        while going:
            waits.append(0.0)
            before = perf_counter()
            loss, *_ = model.step(x, targets, None, optimizer, CLIP, all_reduce=None if shard is None else join)
            times.append(perf_counter() - before)
            losses.append(float(loss))
            if len(times) % AGREE == 0:
                going = perf_counter() - start < seconds
                if communicator is not None:
                    going = bool(communicator.least(int(going)))
    if communicator is not None and communicator.rank:
        return None
    counted = times[2:]
    return {"seconds": counted, "reduce": waits[3:], "losses": losses[:CURVE], "parameters": model.params.flat.size}


def started(case: Case, ranks: int, threads: int, seconds: float) -> dict[str, Any]:
    """The worker's answer, from one process or from mpiexec."""
    command = [sys.executable, "-m", "benchmarks.parallel", "--worker", json.dumps(case.to_dict())]
    command += ["--budget", str(seconds), "--threads", str(threads)]
    if ranks > 1:
        beside = Path(sys.executable).parent / "mpiexec"
        mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
        if mpiexec is None:
            raise SystemExit("mpiexec must be there; install it with: pip install -e '.[mpi]'")
        command = [mpiexec, "-n", str(ranks), *command]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ... failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(case: Case, ranks: int, threads: int, budget: float) -> dict[str, Any]:
    """Rounds in turn; the rank's processes are "npseq", the single one is what it is compared with."""
    alone, several = [], []
    for _ in range(ROUNDS):
        alone.append(started(case, 1, threads, budget / 2 / ROUNDS))
        several.append(started(case, ranks, max(threads // ranks, 1), budget / 2 / ROUNDS))
    both = {
        "npseq": [s for run in several for s in run["seconds"]],
        "one process": [s for r in alone for s in r["seconds"]],
    }
    count = min(len(alone[0]["losses"]), len(several[0]["losses"]))
    apart = float(abs(np.array(alone[0]["losses"][:count]) - several[0]["losses"][:count]).max())
    return record(
        f"mpiexec -n {ranks}",
        case.name,
        "ms",
        {name: spread(found, 1e3) for name, found in both.items()},
        case=case.to_dict(),
        parameters=alone[0]["parameters"],
        reduce_ms=1e3 * median(wait for run in several for wait in run["reduce"]),
        losses_compared=count,
        losses_apart=apart,
    )


def on_paper(row: dict[str, Any], machines: int, gbits: float) -> float:
    """How many times the tokens a second of one machine, each machine with a batch of its own of this size."""
    step = row["measured"]["one process"]["median"] / 1e3
    size = (row["parameters"] + 1) * np.dtype(row["case"]["dtype"]).itemsize
    ring = 2 * (machines - 1) / machines * size * 8 / (gbits * 1e9) + 2 * log2(machines) * LATENCY
    return machines * step / (step + ring)


def paper(rows: list[dict[str, Any]]) -> str:
    heads = ["", "step of one process, ms", "MB of the sum", *(f"{m} machines" for m in MACHINES)]
    lines = [
        "speed-up on paper (a batch a machine):",
        "",
        f"| {' | '.join(heads)} |",
        "|---|" + "---:|" * (len(heads) - 1),
    ]
    for row in rows:
        size = (row["parameters"] + 1) * np.dtype(row["case"]["dtype"]).itemsize / 1e6
        for gbits in NETWORKS:
            cells = [f"{row['name']}, {gbits} Gbit/s", f"{row['measured']['one process']['median']:.3g}", f"{size:.3g}"]
            cells += [cut(on_paper(row, machines, gbits), 1) for machines in MACHINES]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def told(row: dict[str, Any]) -> str:
    own, one = (row["measured"][name]["median"] for name in ("npseq", "one process"))
    tokens = row["case"]["T"] * row["case"]["B"] * 1e3
    return (
        f"  {row['name']}: {row['part']} {tokens / own:,.0f} tokens/s ({own:.2f} ms, of it {row['reduce_ms']:.2f} in "
        f"the all-reduce), one process {tokens / one:,.0f} ({one:.2f} ms): {cut(one / own)} times; "
        f"losses of {row['losses_compared']} steps apart by {row['losses_apart']:.1e}"
    )


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--budget", type=float, default=240.0, help="seconds of measuring (default: 240)")
    made.add_argument("--threads", type=int, default=2, help="of one process; the ranks share them (default: 2)")
    made.add_argument("--ranks", type=int, default=2)
    made.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    made.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)), help="indices into the sizes")
    made.add_argument("--dtype", default="float32")
    made.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json and .md")
    made.add_argument("--worker", help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.worker:
        found = work(Case(**json.loads(options.worker)), options.budget, options.threads)
        if found is not None:
            print(json.dumps(found))
        return
    cases = [Case(cell, *SIZES[k], options.dtype) for k in options.sizes for cell in options.cells]
    rows = []
    print(f"{machine.processor()}; {options.threads} threads in one process or shared by {options.ranks}")
    for case in cases:
        rows.append(measure(case, options.ranks, options.threads, options.budget / len(cases)))
        print(told(rows[-1]), flush=True)
    text = "\n".join([*(told(row) for row in rows), "", paper(rows)])
    print(f"\n{paper(rows)}")
    if options.save:
        path = machine.save(options.save, report(rows, options.threads, ranks=options.ranks, latency=LATENCY))
        path.with_suffix(".md").write_text(text + "\n")
        print(f"\n{path}, {path.with_suffix('.md').name}")


if __name__ == "__main__":
    main()
