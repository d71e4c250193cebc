"""Measure how often the lower bound of ``oro-unlearn audit --epsilon`` exceeds the true epsilon of a known mechanism.

    python -m benchmarks.epsilon_calibration

Randomised response tells the truth about membership with probability exp(epsilon) / (1 + exp(epsilon)), so its epsilon is exact
at delta = 0. The Gaussian mechanism adds noise to 0 or 1. Its delta at a given epsilon is exact too (Balle and Wang, 2018,
theorem 5). The results are in benchmarks/results/epsilon_calibration.json.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import RESULTS
from oro_unlearn.attacks import epsilon_bound
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json

RESULT = RESULTS / "epsilon_calibration.json"
EPSILONS = (0.0, 0.5, 1.0, 2.0, 4.0)


def randomised_response(epsilon: float, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Answers of members and of non-members, 1 or 0, each (samples,).

    Args:
        epsilon: The exact epsilon at delta = 0.
        samples: Number of members, and of non-members.
        seed: Seed of the answers.
    """
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(2, samples, generator=generator) < 1 / (1 + math.exp(-epsilon))
    return truth[0].float(), (~truth[1]).float()


def gaussian(sigma: float, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Members have the value 1, non-members 0, and normal noise is added, each (samples,).

    Args:
        sigma: Standard deviation of the noise.
        samples: Number of members, and of non-members.
        seed: Seed of the noise.
    """
    noise = sigma * torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))
    return 1 + noise[0], noise[1]


def gaussian_delta(sigma: float, epsilon: float) -> float:
    """The smallest delta at which the Gaussian mechanism of sensitivity 1 is (epsilon, delta)-private.

    Args:
        sigma: Standard deviation of the noise.
        epsilon: The epsilon.

    Example:
        >>> round(gaussian_delta(1.0, 1.0), 4)
        0.1269
    """
    from scipy.stats import norm

    half = 1 / (2 * sigma)
    return float(norm.cdf(half - epsilon * sigma) - math.exp(epsilon) * norm.cdf(-half - epsilon * sigma))


def rows_of(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Share of runs in which the bound exceeds epsilon, and the mean bound, by mechanism, epsilon and number of samples."""
    from rich.progress import track

    rows = []
    cases = [(epsilon, samples) for epsilon in EPSILONS for samples in options.samples]
    for epsilon, samples in track(cases, "mechanisms"):
        delta = gaussian_delta(options.sigma, epsilon)
        bounds = {
            "randomised response": [(randomised_response(epsilon, samples, seed), 0.0) for seed in range(options.runs)],
            "Gaussian": [(gaussian(options.sigma, samples, seed), delta) for seed in range(options.runs)],
        }
        for name, drawn in bounds.items():
            found = [
                epsilon_bound({"score": pair}, own, seed=options.runs + seed).epsilon for seed, (pair, own) in enumerate(drawn)
            ]
            own = drawn[0][1]
            exceeded = sum(bound > epsilon for bound in found) / len(found)
            mean, highest = sum(found) / len(found), max(found)
            row = {"mechanism": name, "epsilon": epsilon, "delta": own, "samples": samples, "runs": len(found)}
            rows.append({**row, "exceeded": exceeded, "mean": mean, "highest": highest})
    return sorted(rows, key=lambda row: (row["mechanism"] != "randomised response", row["epsilon"], row["samples"]))


def epsilon_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the bound beside the true epsilon.

    Args:
        content: Content of ``epsilon_calibration.json``.
    """
    counts = sorted({row["samples"] for row in content["rows"]})
    table = [["mechanism", "true epsilon", "delta", *(f"{count} images: mean bound (too high)" for count in counts)]]
    for name, epsilon in dict.fromkeys((row["mechanism"], row["epsilon"]) for row in content["rows"]):
        own = {row["samples"]: row for row in content["rows"] if (row["mechanism"], row["epsilon"]) == (name, epsilon)}
        cells = [f"{own[count]['mean']:.2f} ({100 * own[count]['exceeded']:.1f} %)" for count in counts]
        table.append([name, f"{epsilon:g}", f"{own[counts[0]]['delta']:.2g}", *cells])
    return table


def parser() -> argparse.ArgumentParser:
    """Parser for the options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--runs", type=int, default=200, help="runs of each case; default: 200")
    result.add_argument("--samples", type=int, nargs="+", default=[100, 1000], help="members, non-members; default: 100 1000")
    result.add_argument("--sigma", type=float, default=0.7, help="noise of the Gaussian mechanism; default: 0.7")
    result.add_argument("--result", type=Path, default=RESULT, help=f"default: {RESULT}")
    return result


def main(args: Sequence[str] | None = None) -> None:
    """Simulate the mechanisms, and write the results."""
    import sys

    from oro_unlearn.report.run_report import hardware, versions

    words = list(sys.argv[1:] if args is None else args)
    options = parser().parse_args(words)
    machine = {"versions": versions(), "hardware": hardware("cpu")}
    about = {"command": " ".join(["python -m benchmarks.epsilon_calibration", *words]), **record(__file__), **machine}
    asked = {"config": {"sigma": options.sigma, "samples": options.samples}, "seed": f"0 to {options.runs - 1}"}
    write_json({**about, **asked, "rows": rows_of(options)}, options.result)
    print(f"written to {options.result}")


if __name__ == "__main__":
    main()
