"""What of npseq never sees an array of a device, by design, and why. A test holds everything else to a parity body."""

from __future__ import annotations

TEXT = "text and files: an array comes into being only at the end, on the host, and cupy.asarray moves it"
DRAWN = "random numbers are drawn on the host, the same ones for every device, and moved as whole arrays"
COUNTED = "Python's integers and strings; ids on a device are copied to the host first, by name"
FORMAT = "files and other libraries' arrays are the host's; a layer on a device is written and read by copies"
MADE = "what a function returns; the parity bodies compare its fields"
SETTLED = "numbers and names that say how, and no arrays"

HOST_ONLY = {
    "data.Pairs": MADE,
    "data.Series": MADE,
    "data.Vocabulary": TEXT,
    "data.clean_lines": TEXT,
    "data.load_co2": TEXT,
    "data.load_corpus": TEXT,
    "data.load_pairs": TEXT,
    "data.load_sunspots": TEXT,
    "data.noisy_sine": DRAWN,
    "data.read_lines": TEXT,
    "data.tokenize": TEXT,
    "initializers.constant": DRAWN,
    "initializers.identity": DRAWN,
    "initializers.normal": DRAWN,
    "initializers.orthogonal": DRAWN,
    "initializers.uniform_sqrt_hidden": DRAWN,
    "initializers.xavier_normal": DRAWN,
    "initializers.xavier_uniform": DRAWN,
    "initializers.zeros": DRAWN,
    "inspect.Bias": MADE,
    "inspect.Certificate": MADE,
    "inspect.JacobianSpectrum": MADE,
    "inspect.Ledger": MADE,
    "inspect.Nonfinite": MADE,
    "inspect.PathSplit": MADE,
    "inspect.Spectrum": MADE,
    "inspect.VanishingPenalty": MADE,
    "interop.keras": FORMAT,
    "interop.onnx": FORMAT,
    "models.NGramModel": COUNTED,
    "models.counting.NGramModel": COUNTED,
    "models.counting.ZipfFit": MADE,
    "models.counting.error_growth": SETTLED,
    "models.counting.fit_zipf": COUNTED,
    "models.counting.ngram_counts": COUNTED,
    "models.counting.sample_states": DRAWN,
    "models.counting.table_size": COUNTED,
    "models.bleu": COUNTED,
    "training.Checkpoint": MADE,
    "training.EpochMetrics": MADE,
    "training.Interrupted": SETTLED,
    "training.NonFiniteLoss": SETTLED,
    "training.Position": MADE,
    "training.TrainingConfig": SETTLED,
    "training.load_checkpoint": FORMAT,
    "training.save_checkpoint": FORMAT,
}
HALF = "a part of backward, whose parity body runs it"

HOST_ONLY_METHODS = {
    "adjoints": HALF,
    "begin": TEXT,
    "checked_state": HALF,
    "draw": DRAWN,
    "gradients": HALF,
    "input_adjoints": HALF,
    "kinds": SETTLED,
    "plan": DRAWN,
    "weights": HALF,
}

OWN = "brings a device of its own, or a process that has none"
LOOKS = "what values are is not looked at on a device, which would have to be waited for"
INSIDE = "the test puts NumPy code of its own inside npseq"
MEMORY = "the memory of the host's arrays, or that they are read-only, is what it tests"
THREADS = "its ranks are threads, and there is one border"
WRONG = "wrong on purpose: what it tests is the checks"

HOST_TESTS = {  # of `pytest --standin`: parts of a test's id, in this order, and why it is left out
    "tests/examples/": OWN,
    "tests/gpu/": OWN,
    "tests/standin/": OWN,
    "tests/benchmarks/test_gpu": OWN,
    "tests/training/test_parallel": THREADS,
    "test_a_sliding_gradient_is_that_of_its_losses": INSIDE,
    "tests/test_cli": OWN,
    "tests/test_packaging": OWN,
    "tests/mutants/": WRONG,
    "test_a_process_that_is_signalled_at_any_moment": OWN,
    "test_a_target_out_of_range_is_named": LOOKS,
    "test_cross_entropy_refuses ... weights must not be negative": LOOKS,
    "test_the_other_losses_refuse ... must lie in": LOOKS,
    "test_the_reverse_direction_goes_the_other_way": INSIDE,
    "tests/layers/test_recurrent.py::test_shapes": MEMORY,
    "test_recurrent_arguments.py::test_forward ... token ids must be in": LOOKS,
    "test_a_slope_a_little_wrong_breaks_both": WRONG,
    "test_a_budget_is_kept": MEMORY,
    "test_no_more_states_are_kept_than_the_schedule_says": MEMORY,
    "test_one_norm_over_everything_and_the_direction_kept": LOOKS,
}
