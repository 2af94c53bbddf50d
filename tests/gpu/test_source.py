"""The text of a kernel is C that every compiler takes, and CUDA where nvcc is installed."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from gpu.cell_blocks import CELLS, calls
from gpu.test_kernels import programs

from npseq.activations import sigmoid
from npseq.gpu.source import literal, source
from npseq.gpu.tracing import CellTrace

NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
TEXT = """\
typedef float T;
extern "C" __global__ void half(
    T* x, T* out, long long entries, long long size1, long long x_gate, long long x_0, long long x_1, long long out_0, \
long long out_1)
{
    const long long entry = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (entry >= entries) return;
    unsigned int rest = (unsigned int)entry;
    const long long i1 = rest % (unsigned int)size1;
    rest /= (unsigned int)size1;
    const long long i0 = rest;
    const T x0 = x[1 * x_gate + i0 * x_0 + i1 * x_1];
    const T x1 = (T)0.5;
    const T x2 = x0 * x1;
    const T x3 = tanhf(x2);
    out[i0 * out_0 + i1 * out_1] = x3;
}
"""


def test_a_kernel_of_one_line_has_this_text():
    trace = CellTrace(np.float32)
    x, out = trace.array("x", 2), trace.array("out")
    np.tanh(x[1] * 0.5, out=out)
    (kernel,) = trace.finish(()).steps
    assert source(kernel, "half", 2, np.dtype(np.float32)) == TEXT
    doubled = source(kernel, "half", 2, np.dtype(np.float64))
    assert doubled == TEXT.replace("float T", "double T").replace("tanhf", "tanh")


def test_a_kernels_sigmoid_is_the_quotient_that_keeps_its_digits():
    trace = CellTrace(np.float32)
    x, out = trace.array("x"), trace.array("out")
    sigmoid(x, out=out)
    (kernel,) = trace.finish(()).steps
    values = [
        line.split(" = ")[1] for line in source(kernel, "s", 1, np.dtype(np.float32)).splitlines() if "const T" in line
    ]
    assert values == ["(T)1.0;", "x[i0 * x_0];", "-x1;", "expf(x2);", "x3 + x0;", "x0 / x4;"]


def test_a_number_is_written_to_its_last_bit():
    third = 1 / 3
    assert float(literal(third, np.dtype("float64")).removeprefix("(T)")) == third
    assert np.float32(literal(third, np.dtype("float32")).removeprefix("(T)")) == np.float32(third)
    with pytest.raises(ValueError, match="finite"):
        literal(float("nan"), np.dtype("float64"))


@pytest.mark.skipif(NVCC is None, reason="no nvcc: the kernels are not compiled for CUDA")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvcc_compiles_every_kernel(architecture, tmp_path):
    texts = []
    for name in CELLS:
        for dtype in (np.float32, np.float64):
            for call in calls(name, dtype):
                ndim = np.ndim(call.given.get("da", call.given.get("s", call.given.get("a")))) - 1
                for kernel in programs(name, call):
                    text = source(kernel, f"kernel_{len(texts)}", ndim, np.dtype(dtype))
                    texts.append(f"namespace n{len(texts)} {{\n{text}}}")
    (tmp_path / "all.cu").write_text("\n".join(texts))
    command = [NVCC, "-cubin", f"-arch={architecture}", "-Werror", "all-warnings", "all.cu", "-o", "all.cubin"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert len(texts) > 70
