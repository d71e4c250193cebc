"""Few people, and the small model with random weights: runs take seconds."""

from collections.abc import Sequence
from pathlib import Path

from oro_unlearn.networks.vision_language.loading import PERSONAS, SHIPPED

SIZES = {"people": 4, "pictures": 1, "faces": 2, "eval_questions": 2, "batch_size": 8}
FEW_PEOPLE = [word for name, value in SIZES.items() for word in (f"--data.{name}", str(value))]
RANDOM = ["--model.network.init_args.weights", "random"]
FEW_NEURONS = ["--model.samples", "4", "--model.steps", "2", "--model.top_k", "2"]  # whose paths MIPEditor searches
FEW_WORDS = ["--model.max_new_tokens", "2"]
FIVE_PERCENT = ["--data.forget_percent", "5"]  # one of four people


def shipped() -> list[str]:
    """Words that make a config of the embedded people run: random weights while the shipped ones are missing."""
    there = all((PERSONAS / folder / "model.safetensors").is_file() for folder in SHIPPED.values())
    return [] if there else RANDOM


def method_words(stem: str) -> list[str]:
    """Words that make what a preset does before its first step small."""
    return {"mip_editor": FEW_NEURONS, "manu": ["--model.samples", "4"]}.get(stem, [])


def write_questions(path: str | Path, rows: Sequence[str]) -> str:
    """A file of questions, one row a line."""
    Path(path).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)
