"""A GPU runs the same mathematics faster, and no number changes: docs/gpu.md.

    tracing, program, operations    run a cell's own lines with symbols and return the assignments of a few kernels
    source, kernels                 write the kernels' text, compile it with CuPy and launch it
    cell                            a cell whose pointwise part these kernels compute, for the one loop over time
    products                        multiply with cuBLAS in a way that a CUDA graph can hold
    capture                         makes a CUDA graph of some work, in a memory pool of its own
    graph                           a training step as such a graph
    settings                        switches for all this, and TF32

None of it is imported before an array is on a device.
"""

from npseq.gpu.settings import Settings, settings

__all__ = ["Settings", "settings"]
