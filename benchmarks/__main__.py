"""Every benchmark, each also to be run by its own name: python -m benchmarks [NAME ...]"""

from __future__ import annotations

import subprocess
import sys

SUITE = {
    "import_time": "what `import npseq` takes over `import numpy`",
    "training_step": "one training step beside PyTorch and JAX",
    "generation": "free-running generation beside PyTorch",
    "memory": "peak memory over 10,000 steps: plain, checkpointed, PyTorch",
    "gradcheck": "the checker beside those of PyTorch, JAX, SciPy and autograd",
    "mutants": "the bug zoo, and what its mutants get past",
    "headline": "d2l's character models on The Time Machine; long",
}


def main() -> int:
    names = sys.argv[1:] or [name for name in SUITE if name != "headline"]
    unknown = [name for name in names if name not in SUITE]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are:")
        print("\n".join(f"  {name:15s}{what}" for name, what in SUITE.items()))
        return 2
    failed = 0
    for name in names:
        print(f"\n== {name}: {SUITE[name]}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
