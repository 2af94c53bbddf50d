"""The compiled path for the CPU, the extra `fast`: the cells' own lines, compiled by Numba; docs/performance.md.

    arithmetic    exp and tanh of one number, without a branch
    products      a matrix times a column in plain loops
    tiles         a matrix times the columns of a batch, by tiles that stay in registers
    head          the output layer and the softmax cross-entropy of one sequence
    ragged        sequences that are over keep their state, and pass their adjoint on
    source        a trace as text: a function for each of its kernels
    loops         the loops over time around them, and a whole training step
    compiling     compiles that text once, and keeps it on disk
    meeting       threads of a loop wait for each other at every product
    sharing       shares a layer's units among threads
    strand        runs a layer's strand in these loops
    batched       the product of one matrix with a matrix for each step
    stepping      a step of generation
    training      the training step of a language model of one sequence

None of it is imported before `ns.settings(compiled=True)` asks for it.
"""
