"""npseq on the stand-in for CuPy: GPU breakage that shows on a CPU. The same tests run on a device, in tests/gpu.

The parity bodies run every layer, loss, optimizer, model, truncation, checker and look into a gradient that npseq
offers, beside the host's numbers; test_complete.py holds the public face to that. Steps of training run under a watch
that lets no number be read. The rest of the suite runs on the stand-in as it stands, `pytest --standin tests/layers`
for one: border.py carries arrays over where a test calls npseq, and host_only.py says which tests are about the host.
"""

from standin.parity_checking import *  # noqa: F403
from standin.parity_checks import *  # noqa: F403
from standin.parity_graphs import *  # noqa: F403
from standin.parity_inspect import *  # noqa: F403
from standin.parity_layers import *  # noqa: F403
from standin.parity_losses import *  # noqa: F403
from standin.parity_models import *  # noqa: F403
from standin.parity_sequence_models import *  # noqa: F403
from standin.parity_series import *  # noqa: F403
