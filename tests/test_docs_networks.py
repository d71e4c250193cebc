"""The commands of docs/networks.md: each builds its network, and each checkpoint loads."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from oro_unlearn.cli import build
from oro_unlearn.networks import huggingface_classifier, load_weights, read_checkpoint
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SCRIPT = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)


def tiny_vit() -> None:
    from transformers import ViTConfig, ViTForImageClassification

    names = {0: "cat", 1: "dog", 2: "fox"}
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = ViTConfig(**sizes, image_size=64, patch_size=32, id2label=names, label2id={v: k for k, v in names.items()})
    ViTForImageClassification(config).save_pretrained("my_vit")


def checkpoints() -> None:
    network = resnet18(num_classes=3)
    state = network.state_dict()
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3}, "trained.pth")
    torch.save({"model": state, "model_ema": state}, "with_ema.pth")
    torch.jit.script(network).save("scripted.pt")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_builds_and_loads(command, image_folder, monkeypatch, tmp_path):
    image_folder("pictures", ("cat", "dog", "fox"), count=2)
    Path("lightning_configs").symlink_to(ROOT / "lightning_configs")
    assert SCRIPT
    Path("my_nets.py").write_text(SCRIPT[1])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_nets", raising=False)
    if "hf:" in command:
        tiny_vit()
    elif "--model.original" in command:
        checkpoints()
    program, run, *words = shlex.split(command)
    assert (program, run) == ("oro-unlearn", "fit")
    model = build(words).model
    assert model.num_classes == 3
    if "--model.original" in words:
        assert "tensors" in load_weights(model.network, model.original_path, model.checkpoint_key)


def test_a_folder_of_hugging_face_gives_names_and_the_same_outputs():
    from transformers import ViTForImageClassification

    tiny_vit()
    assert read_checkpoint("my_vit").class_names == ["cat", "dog", "fox"]
    network, images = huggingface_classifier("my_vit", 3).eval(), torch.randn(2, 3, 64, 64)
    state = torch.get_rng_state()
    load_weights(network, "my_vit")
    assert torch.equal(torch.get_rng_state(), state)
    there = ViTForImageClassification.from_pretrained("my_vit").eval()
    assert torch.equal(network(images).logits, there(images).logits)
    with pytest.raises(ValueError, match="the file's head has 3 classes, the data 5"):
        load_weights(huggingface_classifier("my_vit", 5), "my_vit")
    save_file({"other.weight": torch.zeros(1)}, "other.safetensors")
    with pytest.raises(ValueError, match="another architecture than ViTForImageClassification"):
        load_weights(network, "other.safetensors")
