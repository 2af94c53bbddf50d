"""Random configurations of everything that computes, beside an oracle of 80 bits: python -m benchmarks.fuzz

`arithmetic` and `networks` are the oracle: reverse mode over 80-bit matrices, and the equations of the papers, step by
step and sequence by sequence. They share nothing with npseq. `draw` draws configurations, `layers`, `models`, `losses`
and `optimizers` run npseq on them, `twin` runs PyTorch, `verdict` compares.
"""
