"""An error is one line, said once, however many processes find it."""

import os
import sys
import time
from typing import NoReturn

RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")  # 0, or not set, in the first process
PAUSE = 5.0  # seconds in which the first process can end
STARTED_BY = os.getppid()  # the first process, where Lightning starts the others


def rank() -> int:
    """Number of this process, as whatever started it says; 0 for the first, or for one alone."""
    numbers = [int(value) for value in map(os.environ.get, RANKS) if value and value.isdecimal()]
    return next((number for number in numbers if number), 0)


def fail(message: str, alike: bool) -> NoReturn:
    """Say what is wrong, and end with exit code 2.

    Args:
        message: One line.
        alike: Whether every process must find the same, such as an unknown option: then the first alone says it. What may be
            one process's own trouble is said by that one, with its number, unless the first ends too: by then it has said it,
            and Lightning's processes have lost what started them, or torchrun has ended them.
    """
    number = rank()
    if number and (alike or not _first_goes_on()):
        sys.exit(2)
    print(f"oro-unlearn: error: {f'process {number}: ' if number else ''}{message}", file=sys.stderr, flush=True)
    sys.exit(2)


def _first_goes_on() -> bool:
    """Whether what started this process is still there after a pause."""
    end = time.monotonic() + PAUSE
    while time.monotonic() < end and os.getppid() == STARTED_BY:
        time.sleep(0.05)
    return os.getppid() == STARTED_BY
