"""Where a training step's time goes on a GPU, kernel by kernel: python -m benchmarks.kernels lstm

At (35, 32, 28, 256) with plain launches, since a graph hides its kernels' names. Needs PyTorch with CUDA, whose
profiler sees every kernel of the process, CuPy's too.
"""

import argparse

from benchmarks import device
from benchmarks.cases import CELLS, Case
from benchmarks.gpu import SIZES
from benchmarks.problem import problem
from benchmarks.rivals import on_device

STEPS = 20


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", choices=CELLS)
    options = parser.parse_args(arguments)
    cupy = device.required()
    if not on_device.has_cudnn():
        raise SystemExit("this profile needs PyTorch with CUDA: pip install torch")
    from torch.profiler import ProfilerActivity, profile

    step = on_device.npseq(cupy, problem(Case(options.cell, *SIZES[0])), graphs=False).step
    for _ in range(5):
        step()
    cupy.cuda.Device().synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        for _ in range(STEPS):
            step()
        cupy.cuda.Device().synchronize()
    print(f"{options.cell} at {SIZES[0]}, {STEPS} training steps")
    print(found.key_averages().table(sort_by="cuda_time_total", row_limit=30, max_name_column_width=60))


if __name__ == "__main__":
    main()
