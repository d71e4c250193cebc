"""Records of a comparison, as ``oro_unlearn.compare.audits`` writes them."""

from typing import Any


def record(method: str, forget: str, seed: int, **figures: float | None) -> dict[str, Any]:
    """One model's.

    Args:
        method: Its name.
        forget: The class it forgot.
        seed: Of its original.
        figures: Its figures; None is one that could not be measured.
    """
    return {"method": method, "forget": [forget], "seed": seed, "seconds": 1.0, "images_read": 10, "figures": figures}
