"""npseq on a real device: the numbers of the host, in float64 to 1e-12 and float32 to 1e-5 of each array's scale."""

import numpy as np
import pytest
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
from gpu.cell_blocks import CELLS
from gpu.test_kernels import distance

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("name", CELLS)
def test_kernels_give_what_the_lines_give(device, name, dtype, tolerance):
    assert distance(name, dtype, device.xp) < tolerance
