"""These names of npseq never see an array of a device, for the reasons given; all others need a parity test."""

from __future__ import annotations

TEXT = "text and files: only the end is an array, on the host, and cupy.asarray moves it"
DRAWN = "random numbers are drawn on the host, the same ones for every device, and moved as whole arrays"
COUNTED = "Python's integers and strings; ids on a device are copied to the host first, explicitly"
FORMAT = "files, figures and other libraries' arrays are the host's; a layer on a device is written and read by copies"
RESULT = "the result of a function; the parity tests compare its fields"
SETTINGS = "numbers and names, and no arrays"
PART = "a part of backward, which a parity test runs"
FOREIGN = "arrays of other libraries, and lists of arrays, lie on the host"

HOST_ONLY = {
    "NotAnalyticError": SETTINGS,
    "data.Pairs": RESULT,
    "data.Series": RESULT,
    "data.Vocabulary": TEXT,
    "data.agreement_sentences": TEXT,
    "data.clean_lines": TEXT,
    "data.Epochs": SETTINGS,
    "data.load_co2": TEXT,
    "data.load_corpus": TEXT,
    "data.load_pairs": TEXT,
    "data.load_sunspots": TEXT,
    "data.noisy_sine": DRAWN,
    "data.read_lines": TEXT,
    "data.tokenize": TEXT,
    "gpu.Settings": SETTINGS,
    "initializers.constant": DRAWN,
    "initializers.identity": DRAWN,
    "initializers.normal": DRAWN,
    "initializers.orthogonal": DRAWN,
    "initializers.uniform_sqrt_hidden": DRAWN,
    "initializers.xavier_normal": DRAWN,
    "initializers.xavier_uniform": DRAWN,
    "initializers.zeros": DRAWN,
    "inspect.figures": FORMAT,
    "inspect.Bias": RESULT,
    "inspect.Certificate": RESULT,
    "inspect.JacobianSpectrum": RESULT,
    "inspect.Ledger": RESULT,
    "inspect.Nonfinite": RESULT,
    "inspect.PathSplit": RESULT,
    "inspect.Spectrum": RESULT,
    "inspect.VanishingPenalty": RESULT,
    "interop.keras": FORMAT,
    "interop.onnx": FORMAT,
    "models.NGramModel": COUNTED,
    "models.counting.NGramModel": COUNTED,
    "models.counting.Posteriors": RESULT,
    "models.counting.ZipfFit": RESULT,
    "models.counting.error_growth": SETTINGS,
    "models.counting.fit_zipf": COUNTED,
    "models.counting.ngram_counts": COUNTED,
    "models.counting.sample_states": DRAWN,
    "models.counting.table_size": COUNTED,
    "models.bleu": COUNTED,
    "optim.Optimizer": SETTINGS,
    "online.Online": RESULT,
    "optim.Cosine": SETTINGS,
    "optim.Exponential": SETTINGS,
    "optim.Warmup": SETTINGS,
    "plot.live_curve": FORMAT,
    "plot.training_curve": FORMAT,
    "training.Checkpoint": RESULT,
    "training.EpochMetrics": RESULT,
    "training.Interrupted": SETTINGS,
    "training.NonFiniteLoss": SETTINGS,
    "training.Position": RESULT,
    "training.TrainingConfig": SETTINGS,
    "training.load_checkpoint": FORMAT,
    "training.save_checkpoint": FORMAT,
}
HOST_ONLY_METHODS = {
    "adjoints": PART,
    "begin": TEXT,
    "check_finite": PART,
    "checked_state": PART,
    "draw": DRAWN,
    "gradients": PART,
    "input_adjoints": PART,
    "kinds": SETTINGS,
    "plan": DRAWN,
    "weights": PART,
}

OWN = "has a device of its own, or a process without one"
VALUES = "values are not checked on a device, because the host would have to wait for it"
INSIDE = "the test hands NumPy, or NumPy code of its own, to npseq"
MEMORY = "it tests the memory of host arrays, or that they are read-only"
THREADS = "its ranks are threads, and there is one boundary"
WRONG = "wrong on purpose: it tests the checks"

HOST_TESTS = {  # of `pytest --fake-cupy`: parts of a test's id, in order, and why it is skipped
    "tests/examples/": OWN,
    "tests/gpu/": OWN,
    "tests/fake_cupy/": OWN,
    "tests/benchmarks/test_gpu": OWN,
    "tests/training/distributed/": THREADS,
    "test_a_series_with_a_gap_is_refused": VALUES,
    "test_so_is_one_to_a_latent_forecaster": VALUES,
    "tests/test_arrays": FOREIGN,
    "tests/robustness/test_foreign_arrays": FOREIGN,
    "test_lists_of_numbers_become_arrays_where_lists_are_taken[[array": FOREIGN,
    "tests/commands/test_train.py::test_a_trace_needs_one_process": THREADS,
    "test_a_sliding_gradient_is_that_of_its_losses": INSIDE,
    "tests/test_cli": OWN,
    "tests/test_main": OWN,
    "tests/test_packaging": OWN,
    "tests/mutants/": WRONG,
    "test_a_process_that_is_signalled_at_any_moment": OWN,
    "test_a_target_out_of_range_is_named": VALUES,
    "test_cross_entropy_refuses ... weights must not be negative": VALUES,
    "test_binary_cross_entropy_and_squared_error_refuse ... must lie in": VALUES,
    "tests/losses/test_positions.py::test_coefficients": INSIDE,
    "test_in_the_reverse_direction_the_earliest_wrong_step_is_named": INSIDE,
    "tests/layers/test_recurrent.py::test_shapes": MEMORY,
    "test_recurrent_arguments.py::test_forward ... token ids must be in": VALUES,
    "test_a_local_derivative_that_is_a_little_wrong_breaks_both": WRONG,
    "tests/test_cell": INSIDE,
    "tests/layers/test_batch": INSIDE,
    "tests/layers/test_states": INSIDE,
    "tests/layers/test_features": INSIDE,
    "tests/bptt/test_tape.py::test_an_old_strand": INSIDE,
    "tests/bptt/test_loop.py::test_product_by": MEMORY,
    "test_on_the_host_a_cell_runs_itself": MEMORY,
    "test_a_copy_lies_in_the_workspace": MEMORY,
    "test_a_workspace_holds_the_adjoints": MEMORY,
    "tests/layers/test_linear.py::test_the_tape_is_a_copy": MEMORY,
    "tests/layers/test_linear.py::test_gradients_and_buffers": MEMORY,
    "tests/layers/test_embedding.py::test_what_does_not_fit_is_refused ... must be in": VALUES,
    "test_a_budget_is_kept": MEMORY,
    "test_no_more_states_are_kept_than_the_schedule_says": MEMORY,
    "test_one_norm_over_everything_and_the_direction_kept": VALUES,
}
