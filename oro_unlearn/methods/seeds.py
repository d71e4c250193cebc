"""Seeds of the random numbers of a run: every epoch and every purpose has a different seed."""

import zlib

import numpy as np

EPOCHS, STREAMS = 0, 1  # first number of the key: the kind of seed


def spawned(seed: int, *key: int) -> int:
    """A seed in [0, 2^63) that differs for every key, also for keys of different lengths.

    The numbers are passed as SeedSequence's ``spawn_key``. As entropy, keys that differ only by zeros at the end would give
    the same seed.

    Args:
        seed: Seed of the run.
        key: Numbers in [0, 2^32).

    Example:
        >>> len({spawned(0), spawned(0, 0), spawned(0, 0, 0), spawned(1, 0)})
        4
    """
    return int(np.random.SeedSequence(seed % 2**63, spawn_key=key).generate_state(1, np.uint64)[0]) >> 1


def stream_seed(seed: int, purpose: str) -> int:
    """Seed of a separate random stream. Its numbers differ from those of ``seed`` itself and from those of other purposes.

    Args:
        seed: Seed of the run.
        purpose: Name of what is drawn, such as ``noise``.
    """
    return spawned(seed, STREAMS, zlib.crc32(purpose.encode()))
