"""The RWFT paper's full setting, for a machine with a GPU: ResNet-18 and VGG-19-BN on CIFAR-10 and CIFAR-100.

    python -m benchmarks.paper_setting --processes 2

Runs benchmarks.compare for each of the four with the paper's recipe (101 epochs) and three originals; CIFAR is downloaded into
ORO_DATA. Stopped and started again, it goes on where it was. Writes benchmarks/results/compare_paper_DATA_NETWORK.json.
"""

import argparse
from collections.abc import Sequence

from benchmarks import compare

REQUESTS = {  # every class of CIFAR-10 by itself, and the several classes of Table 9; of CIFAR-100 five
    "cifar10": ["all"],
    "cifar100": ["apple", "bicycle", "lion", "rocket", "tulip", "apple+bicycle+lion+rocket+tulip"],
}
NETWORKS = ("resnet18", "vgg19_bn")


def commands(processes: int) -> list[list[str]]:
    """Words for benchmarks.compare, one list a setting.

    Args:
        processes: Runs at a time; those on one GPU share its memory.
    """
    found = []
    for data, requests in REQUESTS.items():
        for network in NETWORKS:
            words = [
                "--data",
                data,
                "--network",
                network,
                "--name",
                f"paper_{data}_{network}",
                "--methods",
                "all",
                "layers",
                "targets",
            ]
            words += ["--forget", *requests, "--seeds", "3", "--retrained", "6", "--processes", str(processes)]
            found.append([*words, "--", "--data.download", "true"])
    return found


def main(args: Sequence[str] | None = None) -> None:
    """Run the four settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    for words in commands(parser.parse_args(args).processes):
        print("python -m benchmarks.compare", *words, flush=True)
        compare.main(words)


if __name__ == "__main__":
    main()
