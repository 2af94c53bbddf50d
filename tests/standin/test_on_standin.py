"""npseq on the stand-in for CuPy: GPU breakage that shows on a CPU. The same tests run on a device, in tests/gpu."""

from standin.parity_checking import *  # noqa: F403
from standin.parity_checks import *  # noqa: F403
from standin.parity_inspect import *  # noqa: F403
from standin.parity_layers import *  # noqa: F403
from standin.parity_losses import *  # noqa: F403
from standin.parity_models import *  # noqa: F403
from standin.parity_sequence_models import *  # noqa: F403
from standin.parity_series import *  # noqa: F403
