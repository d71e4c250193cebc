"""Measure whether the memory of a process after many requests is in use, or only kept by the C library's allocator.

    python -m tests.reliability.memory --requests 12

The requests are relational, since memory grows after these in the soak test. They run one after another in one process. After
each request the resident memory is measured before and after the allocator returns its free memory (glibc's malloc_trim).
Writes
benchmarks/results/reliability_memory.json.
"""

import argparse
import ctypes
from collections.abc import Sequence

from rich.progress import track

from oro_unlearn.cli import settle
from tests.reliability.records import write
from tests.reliability.soak import CONFIGS, ROOT, fit, resident

RECIPE = ["--config", str(CONFIGS / "scenes/shield.yaml"), "--data.pairs", "96", "--trainer.max_epochs", "2"]
RECIPE += ["--audit.attacks", "none"]


def main(args: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=12)
    options = parser.parse_args(args)
    settle()
    library, rows = ctypes.CDLL("libc.so.6"), []
    for number in track(range(options.requests), "forgetting"):
        fit([*RECIPE, "--data.seed", str(number)], ROOT.with_name("memory") / str(number % 2))
        held = resident()
        library.malloc_trim(0)
        rows.append({"request": number + 1, "resident_mb": round(held, 1), "in_use_mb": round(resident(), 1)})
        write("memory", f"--requests {options.requests}", {"rows": rows})


if __name__ == "__main__":
    main()
