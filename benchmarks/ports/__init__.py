"""Other libraries' recurrent layers, checked on npseq's cases: an adapter a file, run by python -m benchmarks.ports."""
