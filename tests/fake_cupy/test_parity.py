"""npseq gives the host's numbers on a fake CuPy, so that GPU mistakes show on a CPU.

parity_*        tests of every layer, loss, optimizer, model, truncation, checker and inspection; tests/gpu runs the
                same ones on a real device. Training steps run where no number may be read.
test_parity_is_complete     holds the whole public API to a parity test; host_only lists the exceptions
device_*        the fake CuPy: arrays, functions, kernels, cuBLAS, streams and graphs; test_fake_cupy tests it
transfers       counts copies between host and device, and refuses them inside no_sync
device          the Device that a parity test gets
boundary        moves arrays where a test calls npseq, so that `pytest --fake-cupy tests/layers` runs any other test
                on the fake, unchanged; host_only lists the tests that are about the host
"""

from fake_cupy.parity_cells import *  # noqa: F403
from fake_cupy.parity_gradients import *  # noqa: F403
from fake_cupy.parity_graphs import *  # noqa: F403
from fake_cupy.parity_inspect import *  # noqa: F403
from fake_cupy.parity_layercheck import *  # noqa: F403
from fake_cupy.parity_layers import *  # noqa: F403
from fake_cupy.parity_losses import *  # noqa: F403
from fake_cupy.parity_models import *  # noqa: F403
from fake_cupy.parity_sequence_models import *  # noqa: F403
from fake_cupy.parity_series import *  # noqa: F403
