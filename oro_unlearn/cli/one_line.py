"""Print an error as one line, and only once if several processes find it."""

import os
import sys
import time
from typing import NoReturn

RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")  # environment variables; 0 or not set in the first process
PAUSE = 5.0  # seconds to wait for the end of the first process
STARTED_BY = os.getppid()  # the parent process; where Lightning starts the processes, it is the first one


def rank() -> int:
    """Rank of this process, from the environment variables of its launcher. 0 for the first or only process."""
    numbers = [int(value) for value in map(os.environ.get, RANKS) if value and value.isdecimal()]
    return next((number for number in numbers if number), 0)


def fail(message: str, alike: bool) -> NoReturn:
    """Print an error, and end with exit code 2.

    Args:
        message: One line.
        alike: Whether every process must find the same error, such as an unknown option. Then only the first process
            prints it. Otherwise a process prints its error with its rank, unless the first process ends too: the first
            has then printed the error. The others notice its end because their parent process is gone, or because
            torchrun ends them.
    """
    number = rank()
    if number and (alike or not _first_goes_on()):
        sys.exit(2)
    print(f"oro-unlearn: error: {f'process {number}: ' if number else ''}{message}", file=sys.stderr, flush=True)
    sys.exit(2)


def _first_goes_on() -> bool:
    """Whether the parent of this process is still running after a pause."""
    end = time.monotonic() + PAUSE
    while time.monotonic() < end and os.getppid() == STARTED_BY:
        time.sleep(0.05)
    return os.getppid() == STARTED_BY
