"""Settings for the whole process: silence needless warnings, and never run code from checkpoints."""

import logging
import os
import warnings

NOISE = (  # warnings of libraries about things that are done on purpose
    ".*isinstance.treespec, LeafSpec.*",
    ".*smaller than the logging interval.*",
    ".*was called before the ``update`` method.*",
    ".*Total length of .* across ranks is zero.*",
    ".*exists and is not empty.*",
    ".*there are no targets",
    ".*does not have many workers.*",
    ".*configure_optimizers. returned .None.*",
    ".*in eval mode at the start of training.*",
    ".*weights_only. was not set.*",
    ".*The dirpath has changed from.*",
    "`torch.jit.script` is (deprecated|not supported)",  # torch_geometric calls it when it is imported
)


def settle() -> None:
    """Silence warnings about things that are done on purpose, and let ``torch.load`` read weights only in every library."""
    for noise in NOISE:
        warnings.filterwarnings("ignore", noise)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
