"""The memory of full-size models, told from their configuration before weights are loaded."""

import json
import re
import shutil
from pathlib import Path

import pytest

from oro_unlearn.cli import main
from oro_unlearn.networks.vision_language.forecast import memory_lines
from tests.conftest import CONFIGS
from tests.data.personas.published_files import write_clear, write_mllmu
from tests.networks.vision_language.test_memory import LLAVA_7B
from tests.networks.vision_language.tiny_models import QUESTIONS

QWEN_3B = {
    "model_type": "qwen2_5_vl", "image_token_id": 151655, "video_token_id": 151656, "vision_start_token_id": 151652,
    "text_config": {
        "model_type": "qwen2_5_vl_text", "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008,
        "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True,
    },
    "vision_config": {
        "model_type": "qwen2_5_vl", "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
        "out_hidden_size": 2048, "patch_size": 14,
    },
    "tie_word_embeddings": True,
}  # fmt: skip
WEIGHTS = {"clear": 7_063_427_072, "mllmu_bench": 3_754_622_976}  # numbers of LLaVA-1.5 7B, and of Qwen2.5-VL 3B


def full_size(folder: Path, tiny: str, config: dict) -> str:
    """A folder with the processor of a tiny model and the configuration of a large one, without weights."""
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize("stem", ["original", "mip_editor"])
@pytest.mark.parametrize(
    ("data", "writer", "family", "config"),
    [("clear", write_clear, "llava", LLAVA_7B), ("mllmu_bench", write_mllmu, "qwen2_5_vl", QWEN_3B)],
    ids=["llava-7b", "qwen-3b"],
)
def test_a_full_size_preset_tells_its_memory_before_it_loads(data, writer, family, config, stem, tiny_model, tmp_path, capsys):
    """And then fails in one line, because there are no weights."""
    model = full_size(tmp_path / "model", tiny_model(family), config)
    words = ["--config", str(CONFIGS / data / f"{stem}.yaml"), "--data.root", str(writer(tmp_path / "data"))]
    words += ["--data.num_workers", "0", "--model.network.init_args.name", model, "--trainer.accelerator", "cpu"]
    with pytest.raises(SystemExit) as stop:
        main(["check", *words])
    said = capsys.readouterr()
    assert stop.value.code == 2
    assert "oro-unlearn: error: " in said.err
    assert "cannot be loaded" in said.err
    line = next(line for line in said.out.splitlines() if line.startswith("memory of training, about"))
    parts = dict(re.findall(r"(\w+) ([\d.]+)", line.partition("(")[2]))
    assert set(parts) == {"weights", "frozen", "gradients", "optimizer", "activations", "logits"}
    weights = 2 * WEIGHTS[data] / 2**30
    assert float(parts["weights"]) == pytest.approx(weights, abs=0.2), "bfloat16, and an adapter"
    edits = stem == "mip_editor"
    assert float(parts["frozen"]) == pytest.approx(weights if edits else 0, abs=0.1)
    assert (float(parts["gradients"]) > 0) is not edits, "rows are not counted"


def test_a_small_model_says_nothing(tiny_model):
    options = {"name": tiny_model("qwen2_vl"), "dtype": "float32", "gradient_checkpointing": False}
    assert memory_lines(options, QUESTIONS, "all", 1, 4, 1) == []
