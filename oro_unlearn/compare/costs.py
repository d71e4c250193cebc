"""Cost of runs: the number of images read, as a share of the images that retraining reads."""

from collections.abc import Mapping
from statistics import mean
from typing import Any

Result = Mapping[str, Any]
DEFAULT_BUDGET = 0.1


def read_share(result: Result, method: str, kind: str = "images_read") -> float:
    """Images that a method's runs showed to any network, as a share of those that retraining reads. Mean over its runs.

    Args:
        result: Result of a comparison.
        method: Name of a method in the result.
        kind: ``images_read`` (forward) or ``images_backward``.
    """
    known = result.get("retraining_images", {})
    shares = [
        record[kind] / known["+".join(record["forget"])] for record in result["models"] if known and record["method"] == method
    ]
    return mean(shares) if shares else 0.0


def budget_of(result: Result) -> float:
    """The budget of a run: images that it may read, as a share of those that retraining reads."""
    words = str(result.get("command", "")).split()
    given = words[words.index("--budget") + 1] if "--budget" in words[:-1] else DEFAULT_BUDGET
    return float(result.get("budget", given))


def image_counts(result: Result) -> list[tuple[str, str]]:
    """Keys and headers of the image counts. Older results counted only training batches and passes before training."""
    if all("images_backward" in record for record in result["models"]):
        return [("images_read", "images forward, % of retraining's"), ("images_backward", "backward, %")]
    return [("images_read", "images, % of retraining's, frozen teachers' not counted")]
