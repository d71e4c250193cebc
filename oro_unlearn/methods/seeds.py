"""Seeds of what a run draws: one for every epoch and every purpose, none the other's."""

import zlib

import numpy as np

EPOCHS, STREAMS = 0, 1  # the first key of a seed, by its kind


def spawned(seed: int, *key: int) -> int:
    """A seed in [0, 2^63), another for every key: SeedSequence counts the length of a key, but not zeros at its entropy's end.

    Args:
        seed: Of the run.
        key: Numbers in [0, 2^32).

    Example:
        >>> len({spawned(0), spawned(0, 0), spawned(0, 0, 0), spawned(1, 0)})
        4
    """
    return int(np.random.SeedSequence(seed % 2**63, spawn_key=key).generate_state(1, np.uint64)[0]) >> 1


def stream_seed(seed: int, purpose: str) -> int:
    """Seed of a stream of draws of its own: what is drawn from it is not what the seed itself gives, nor another purpose's.

    Args:
        seed: Of the run.
        purpose: What is drawn.
    """
    return spawned(seed, STREAMS, zlib.crc32(purpose.encode()))
