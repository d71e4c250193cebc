"""The RWFT paper's full setting, for a machine with a GPU: ResNet-18 and VGG-19-BN on CIFAR-10 and CIFAR-100.

    python -m benchmarks.paper_setting --processes 2

Runs ``oro-unlearn compare`` for each of the four combinations of network and data with the paper's recipe (101 epochs) and
three originals. CIFAR is downloaded into ORO_DATA. After an interruption, the same command continues where it stopped. Writes
into runs/compare/paper_DATA_NETWORK.
"""

import argparse
import shlex
from collections.abc import Sequence

from oro_unlearn.cli import main as command_line

SEVERAL = "[apple, bicycle, lion, rocket, tulip]"
REQUESTS = {  # every class of CIFAR-10 by itself, and the several classes of Table 9; of CIFAR-100 five
    "cifar10": "all",
    "cifar100": f"[[apple], [bicycle], [lion], [rocket], [tulip], {SEVERAL}]",
}
NETWORKS = ("ResNet18", "VGG19BN")


def commands(processes: int) -> list[list[str]]:
    """Words for ``oro-unlearn``, one list a setting.

    Args:
        processes: Runs at a time; those on one GPU share its memory.
    """
    found = []
    for data, requests in REQUESTS.items():
        for network in NETWORKS:
            words = ["compare", "--config", f"{data}/original.yaml", "--model.network", network, "--data.download", "true"]
            words += ["--methods", "all,layers,targets", "--forget", requests, "--seeds", "3", "--retrained", "6"]
            found.append([*words, "--processes", str(processes), "--output", f"runs/compare/paper_{data}_{network}"])
    return found


def main(args: Sequence[str] | None = None) -> None:
    """Run the four settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    for words in commands(parser.parse_args(args).processes):
        print(shlex.join(["oro-unlearn", *words]), flush=True)
        command_line(words)


if __name__ == "__main__":
    main()
