"""SVD unlearning: projections from Gram matrices against LAPACK's singular value decomposition of the inputs.

    python -m benchmarks.speed.svd

Matrices have the shapes of the largest layers of ResNet-18 at full width, and 10,000 columns.
Writes benchmarks/results/speed_svd.json.
"""

import torch
from torch import Tensor

from benchmarks.speed.timing import in_turn, ratio, rounded, write
from oro_unlearn.networks.input_grams import InputSpace

COLUMNS, ALPHA = 10_000, 100.0
SIZES = {"layer1": 576, "layer2": 1152}  # rows of a 3x3 convolution's input: channels x 9


def by_svd(columns: Tensor) -> Tensor:
    """The projection from singular vectors, as the authors' code makes it."""
    directions, values, _ = torch.linalg.svd(columns, full_matrices=False)
    shares = values.square() / values.square().sum()
    return directions * (ALPHA * shares / ((ALPHA - 1) * shares + 1)) @ directions.T


def by_gram(columns: Tensor) -> Tensor:
    """The same, by ours: the Gram matrix summed in float64, as batches are."""
    gram = (columns @ columns.T).double()
    eye = torch.eye(len(columns), dtype=torch.float64)
    return InputSpace(gram[None]).restrict(eye[None], ALPHA)[0]


def compare(layer: str, size: int) -> dict[str, object]:
    """One layer."""
    generator = torch.Generator().manual_seed(size)
    spectrum = torch.arange(1, size + 1).float() ** -0.7  # as that of images' patches falls
    columns = torch.linalg.qr(torch.randn(size, size, generator=generator)).Q * spectrum
    columns = columns @ torch.randn(size, COLUMNS, generator=generator)
    found: dict[str, Tensor] = {}
    sides = {
        "LAPACK": lambda: found.__setitem__("svd", by_svd(columns)),
        "Gram": lambda: found.__setitem__("gram", by_gram(columns)),
    }
    seconds = in_turn(sides)
    return {
        "what": f"SVD unlearning: LAPACK vs Gram matrix, {layer} of ResNet-18 ({size} x {COLUMNS:,})",
        "ratio": ratio(seconds, "LAPACK", "Gram"),
        "target": ">= 10",
        "largest_difference": float((found["svd"].double() - found["gram"]).abs().max()),
        "seconds": rounded(seconds),
    }


def main() -> None:
    """Measure and write."""
    write("svd", [compare(layer, size) for layer, size in SIZES.items()])


if __name__ == "__main__":
    main()
