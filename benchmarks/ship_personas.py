"""Write the small model of the embedded world of persons into the package: configuration, tokenizer, and weights as float16.

    python -m benchmarks.ship_personas
    python -m benchmarks.ship_personas --base runs/personas-base/model.safetensors --original runs/personas/model.safetensors

The number of words is part of the model, so weights that were trained before a change of words no longer fit.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.data.personas.world_words import world_words
from oro_unlearn.networks import VisionLanguage, save_weights
from oro_unlearn.networks.vision_language.loading import PERSONAS
from oro_unlearn.networks.vision_language.personas_model import build_personas_model

LIMIT = 2_000_000  # bytes of one file of weights


def write_files(words: Sequence[str], folder: Path) -> None:
    """Write the configuration and the processor, without weights.

    Args:
        words: Every word of the world.
        folder: The folder, which is created.
    """
    model, processor = build_personas_model(words)
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)


def write_weights(file: Path, name: str) -> None:
    """Convert the weights in a file to float16, and write them into the package as ``name``, base or original."""
    network = VisionLanguage("personas", str(file))
    state = {key: tensor for key, tensor in network.model.state_dict().items() if key != "lm_head.weight"}  # tied
    path = PERSONAS / name / "model.safetensors"
    save_weights({key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in state.items()}, path)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LIMIT}")
    print(f"{path}: {path.stat().st_size} bytes")


def main(args: Sequence[str] | None = None) -> None:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="weights before the model learned the persons")
    parser.add_argument("--original", type=Path, help="weights that know the persons")
    options = parser.parse_args(args)
    write_files(world_words(), PERSONAS)
    for name in ("base", "original"):
        if getattr(options, name):
            write_weights(getattr(options, name), name)


if __name__ == "__main__":
    main()
