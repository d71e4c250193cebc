"""Estimated memory of training LLaVA 1.5 (7B) in several ways, from its configuration alone.

    python -m benchmarks.full_size_memory

A batch has 4 questions of 700 tokens, and there is a frozen copy of the original. Writes
benchmarks/results/full_size_memory.json.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.networks.vision_language.memory import GIB, training_memory
from oro_unlearn.report.run_report import hardware, versions

RESULT = Path("benchmarks/results/full_size_memory.json")
LLAVA_7B: dict[str, Any] = {
    "model_type": "llava", "image_token_index": 32000, "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
    "text_config": {
        "model_type": "llama", "vocab_size": 32064, "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "tie_word_embeddings": False,
    },
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768,
    },
    "tie_word_embeddings": False,
}  # fmt: skip
BATCH: dict[str, int] = {"batch_size": 4, "tokens": 700, "frozen_copies": 1}
WAYS: dict[str, dict[str, Any]] = {
    "all weights, float32": {},
    "all weights, bfloat16, checkpointing": {"dtype": "bfloat16", "gradient_checkpointing": True},
    "LoRA (rank 8), bfloat16": {"train": "lora", "dtype": "bfloat16"},
    "LoRA, bfloat16, checkpointing": {"train": "lora", "dtype": "bfloat16", "gradient_checkpointing": True},
    "LoRA, 4 bits, checkpointing": {
        "train": "lora", "dtype": "bfloat16", "load_in_4bit": True, "gradient_checkpointing": True,
    },
}  # fmt: skip


def full_size_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Memory by part, in GiB.

    Args:
        content: Content of ``full_size_memory.json``.
    """
    rows = [["GiB", "weights", "gradients, optimizer", "activations, logits", "total"]]
    for name, parts in content["bytes"].items():
        sums = (
            parts["weights"] + parts["frozen"],
            parts["gradients"] + parts["optimizer"],
            parts["activations"] + parts["logits"],
            sum(parts.values()),
        )
        rows.append([name, *(f"{value / GIB:.1f}" for value in sums)])
    return rows


def main(args: Sequence[str] | None = None) -> None:
    """Estimate and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(LLAVA_7B))
        found = {name: training_memory(folder, **BATCH, **way)._asdict() for name, way in WAYS.items()}
    about = {"command": "python -m benchmarks.full_size_memory", **record(__file__), "versions": versions()}
    write_json({**about, "hardware": hardware("cpu"), "bytes": found}, RESULT)


if __name__ == "__main__":
    main()
