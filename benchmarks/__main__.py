"""The suite: python -m benchmarks [PART ...] [--budget SECONDS] [--save NAME]

npseq beside what a user would pick instead, alternating in one process: medians, quartiles and the share of the
machine's matrix peak, as JSON, a table and plots. `python -m benchmarks.compare OLD.json NEW.json` names what became
slower; `benchmarks.grid` and `benchmarks.scaling` go through many sizes. Other benchmarks run by their own names.
"""

from __future__ import annotations

from benchmarks import generation, gradcheck, inference, memory, training_step
from benchmarks.record import parser
from benchmarks.suite import run

PARTS = {
    "training_step": training_step.records,
    "inference": inference.records,
    "generation": generation.records,
    "gradcheck": gradcheck.records,
    "memory": memory.records,
}
OTHERS = {
    "benchmarks.grid": "a training step over cells, sizes, inputs, layers, directions and lengths",
    "benchmarks.scaling": "time and memory against T and B, up to T = 10,000",
    "benchmarks.gpu": "a training step on a GPU beside cuDNN, eager and as a CUDA graph, and its floors",
    "benchmarks.parallel": "mpiexec -n 2 beside one process, and many machines on paper",
    "benchmarks.compare": "what became slower from one result to another",
    "benchmarks.memory": "peak memory over 10,000 steps: plain, checkpointed, PyTorch",
    "benchmarks.hard_gradients": "checkers on functions that are hard to differentiate, at defaults and at their best",
    "benchmarks.gradcheck": "what checkers miss and refuse, beside their time",
    "benchmarks.import_time": "what `import npseq` takes over `import numpy`",
    "benchmarks.two_processes": "two processes that train in one folder, and what becomes of it",
    "benchmarks.fuzz": "random layers, models, losses and optimizers beside 80-bit arithmetic and PyTorch",
    "benchmarks.diagnose": "bugs planted in code that is not npseq's: which of them are named, alone and in pairs",
    "benchmarks.mutants": "the bug zoo, and what its mutants get past",
    "benchmarks.headline": "d2l's character models on The Time Machine; long",
    "benchmarks.translation": "d2l's seq2seq on 600 pairs, picked in three ways",
    "benchmarks.coverage": "every example, its number for docs/coverage.md and its picture",
}


def main() -> None:
    options = parser(__doc__, 300.0)
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    options.epilog = "Others: " + "; ".join(f"python -m {name}: {what}" for name, what in OTHERS.items())
    given = options.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        options.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    run({name: PARTS[name] for name in given.parts or PARTS}, given)


if __name__ == "__main__":
    main()
