"""Copy a pretrained model of the embedded world into the package, as float16.

python -m benchmarks.ship_scenes runs/scenes-clip/pretraining
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

SHIPPED = Path("oro_unlearn/networks/scenes_clip/open_clip_model.safetensors")
LIMIT = 3_000_000  # bytes


def main(args: Sequence[str] | None = None) -> None:
    """Convert and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder with model.safetensors")
    options = parser.parse_args(args)
    from safetensors.torch import load_file

    from oro_unlearn.networks import save_weights

    state = load_file(options.run / "model.safetensors")
    save_weights({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}, SHIPPED)
    size = SHIPPED.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{SHIPPED} has {size} bytes, more than {LIMIT}")
    print(f"{SHIPPED}: {size} bytes")


if __name__ == "__main__":
    main()
