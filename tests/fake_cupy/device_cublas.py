"""A fake cuBLAS, a few lines of C, has the real one's names, types and order of arguments, on host memory.

Its file name is the real one's, libcublas.so.<version of CUDA>, so code that loads that gets the fake. While a stream
captures, its calls are recorded as all others are.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from fake_cupy.device_kernels import COMPILER
from fake_cupy.device_queue import state

VERSION = 99  # of CUDA; no real one has it
GEMM = """
typedef {T} T{L};
static void gemm{L}(Call* c)
{{
    const T{L} alpha = *(const T{L}*)c->alpha, beta = *(const T{L}*)c->beta;
    for (int b = 0; b < c->count; b++)
        for (int j = 0; j < c->n; j++)
            for (int i = 0; i < c->m; i++) {{
                const T{L}* A = (const T{L}*)c->A + b * c->stepA;
                const T{L}* B = (const T{L}*)c->B + b * c->stepB;
                T{L}* C = (T{L}*)c->C + b * c->stepC + i + (long long)j * c->ldc;
                T{L} sum = 0;
                for (int p = 0; p < c->k; p++)
                    sum += A[c->ta ? p + (long long)i * c->lda : i + (long long)p * c->lda]
                         * B[c->tb ? j + (long long)p * c->ldb : p + (long long)j * c->ldb];
                *C = alpha * sum + (beta == 0 ? 0 : beta * *C);
            }}
}}
int cublas{L}gemmStridedBatched(void* h, int ta, int tb, int m, int n, int k, const T{L}* alpha, const T{L}* A, int lda,
    long long stepA, const T{L}* B, int ldb, long long stepB, const T{L}* beta, T{L}* C, int ldc, long long stepC,
    int count)
{{
    Call c = {{ta, tb, m, n, k, lda, ldb, ldc, count, {double}, stepA, stepB, stepC, alpha, beta, A, B, C}};
    return submit(h, &c);
}}
int cublas{L}gemm_v2(void* h, int ta, int tb, int m, int n, int k, const T{L}* alpha, const T{L}* A, int lda,
    const T{L}* B, int ldb, const T{L}* beta, T{L}* C, int ldc)
{{
    return cublas{L}gemmStridedBatched(h, ta, tb, m, n, k, alpha, A, lda, 0, B, ldb, 0, beta, C, ldc, 0, 1);
}}
"""
TEXT = """
#include <stdlib.h>
typedef struct {
    int ta, tb, m, n, k, lda, ldb, ldc, count, of_double;
    long long stepA, stepB, stepC;
    const void *alpha, *beta, *A, *B;
    void* C;
} Call;
typedef struct { int has_stream; void* workspace; int math; } Handle;
static int (*record)(Call*) = 0;
int live = 0, last_math = -1;
static int bad(Call* c)
{
    return c->m < 0 || c->n < 0 || c->k < 0 || c->count < 0 || c->ldc < (c->m > 1 ? c->m : 1)
        || c->lda < (c->ta ? c->k : c->m) || c->ldb < (c->tb ? c->n : c->k);
}
static void gemmS(Call* c);
static void gemmD(Call* c);
int replay(Call* c) { if (c->of_double) gemmD(c); else gemmS(c); return 0; }
static int submit(void* h, Call* c)
{
    Handle* handle = h;
    last_math = handle->math;
    if (!handle->has_stream || !handle->workspace) return 1;  /* CUBLAS_STATUS_NOT_INITIALIZED */
    if (bad(c)) return 7;                                 /* CUBLAS_STATUS_INVALID_VALUE */
    return record && record(c) ? 0 : replay(c);
}
void listen(int (*callback)(Call*)) { record = callback; }
int cublasCreate_v2(void** h) { *h = calloc(1, sizeof(Handle)); live++; return 0; }
int cublasDestroy_v2(void* h) { free(h); live--; return 0; }
int cublasSetStream_v2(void* h, void* s) { ((Handle*)h)->has_stream = 1; ((Handle*)h)->workspace = 0; return 0; }
int cublasSetWorkspace_v2(void* h, void* w, size_t n) { ((Handle*)h)->workspace = n >= 4 << 20 ? w : 0; return 0; }
int cublasSetMathMode(void* h, int mode) { ((Handle*)h)->math = mode; return 0; }
"""


class Call(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_int) for name in ["ta", "tb", "m", "n", "k", "lda", "ldb", "ldc", "count", "of_double"]]
        + [(name, ctypes.c_longlong) for name in ("stepA", "stepB", "stepC")]
        + [(name, ctypes.c_void_p) for name in ("alpha", "beta", "A", "B", "C")]
    )


@cache
def library() -> ctypes.CDLL | None:
    """Compiled and loaded once; None without a compiler."""
    if COMPILER is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cublas.c"
        path.write_text(
            TEXT + GEMM.format(T="float", L="S", double=0) + GEMM.format(T="double", L="D", double=1), encoding="utf-8"
        )
        name = f"libcublas.so.{VERSION}"
        command = [COMPILER, "-O2", "-fPIC", "-shared", "-Wall", "-Werror", f"-Wl,-soname,{name}", str(path)]
        subprocess.run([*command, "-o", str(path.with_name(name))], check=True)
        loaded = ctypes.CDLL(str(path.with_name(name)))
    loaded.callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Call))(_record)  # a reference, or it would be freed
    loaded.listen(loaded.callback)
    return loaded


def _record(call: ctypes._Pointer) -> int:
    """Returns 1 if a capture has recorded the call; alpha and beta are copied."""
    if state.recording is None or state.busy:
        return 0
    copy = Call.from_buffer_copy(call.contents)
    kind = ctypes.c_double if copy.of_double else ctypes.c_float
    numbers = [kind.from_address(address) for address in (copy.alpha, copy.beta)]
    numbers = [kind(number.value) for number in numbers]
    copy.alpha, copy.beta = (ctypes.addressof(number) for number in numbers)
    state.recording.calls.append(lambda: (library().replay(ctypes.byref(copy)), numbers)[1] and None)
    return 1
