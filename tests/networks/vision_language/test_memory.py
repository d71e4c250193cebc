"""Memory of training, from configurations alone."""

import json

import pytest
import torch

from benchmarks.full_size_memory import LLAVA_7B
from oro_unlearn.networks import VisionLanguage
from oro_unlearn.networks.vision_language.memory import training_memory
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import QUESTIONS

TEXT = 32 * (4 * 4096**2 + 3 * 4096 * 11008 + 2 * 4096) + 2 * 32064 * 4096 + 4096
VISION_LINEARS = 4 * 1024**2 + 2 * 1024 * 4096
VISION = 24 * (VISION_LINEARS + 4 * 1024 + 1024 + 4096 + 4 * 1024) + 3 * 14**2 * 1024 + 577 * 1024 + 1024 + 4 * 1024
PROJECTOR = 1024 * 4096 + 4096 + 4096**2 + 4096


@pytest.fixture
def llava_7b(tmp_path):
    """Sizes of LLaVA 1.5 with 7 B parameters, without weights."""
    (tmp_path / "config.json").write_text(json.dumps(LLAVA_7B))
    return str(tmp_path)


def test_llava_7b_by_hand(llava_7b):
    parameters = TEXT + VISION + PROJECTOR
    assert parameters == 7_063_427_072
    memory = training_memory(llava_7b, dtype="bfloat16", batch_size=2, tokens=640, frozen_copies=1)
    assert memory.weights == memory.frozen == memory.gradients == 2 * parameters
    assert memory.optimizer == 4 * parameters
    text = 32 * (8 * 4096 + 3 * (4096 + 11008))  # inputs and outputs of the Linears of all blocks
    vision = 23 * (8 * 1024 + 2 * (1024 + 4096))  # the last block has no effect
    assert memory.activations == 2 * 2 * (640 * text + 577 * vision)
    assert memory.logits == 2 * 640 * 32064 * 2 * (2 + 4)
    assert memory.lines()[0] == "weights        13.16 GiB"
    assert memory.lines()[-1] == f"total       {memory.total / 2**30:8.2f} GiB"


def test_adapters_on_4_bits_by_hand(llava_7b):
    options = {"train": "lora", "dtype": "bfloat16", "batch_size": 1}
    memory = training_memory(llava_7b, load_in_4bit=True, gradient_checkpointing=True, frozen_copies=0, **options)
    adapter = 8 * (32 * (4 * 8192 + 3 * (4096 + 11008)) + 23 * (4 * 2048 + 2 * (1024 + 4096)))
    small = 32 * (4 * 4096**2 + 3 * 4096 * 11008) + 24 * VISION_LINEARS + 1024 * 4096 + 4096**2
    frozen = (TEXT + VISION + PROJECTOR - small) * 2 + small * (0.5 + 4 / 64)
    assert memory.weights == round(frozen) + 4 * adapter
    assert memory.gradients == 4 * adapter
    assert memory.optimizer == 8 * adapter
    assert memory.frozen == 0
    assert memory.activations < training_memory(llava_7b, **options).activations / 5


def test_weights_and_adapters_are_those_of_the_network(folder):
    network = VisionLanguage(str(folder))
    memory = training_memory(str(folder), patches=17)
    assert memory.weights == 4 * sum(parameter.numel() for parameter in network.parameters())
    adapted = training_memory(str(folder), "lora", rank=2, patches=17)
    assert adapted.gradients == 4 * network.add_lora(rank=2)


def test_what_training_keeps_is_of_that_size(network):
    """Every tensor that autograd saves, without weights: between half of and twice the estimate."""
    inputs, weights = network.collate(QUESTIONS[:1] * 4), {parameter.data_ptr() for parameter in network.parameters()}
    saved = {}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            saved[tensor.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = network.answer_losses(inputs).sum()
    found = sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
    assert loss.isfinite()
    patches = int(inputs["pixel_values"].shape[0] / 4) if inputs["pixel_values"].ndim == 2 else 0
    memory = training_memory(network.architecture, batch_size=4, tokens=inputs["input_ids"].shape[1], patches=patches)
    assert 0.5 < found / (memory.activations + memory.logits / 2) < 2


def test_what_cannot_be_estimated(llava_7b, tmp_path):
    with pytest.raises(UserError, match="weights of 4 bits cannot train"):
        training_memory(llava_7b, load_in_4bit=True)
    with pytest.raises(UserError, match="1 or more: got all, float32, 8, 0, 700"):
        training_memory(llava_7b, batch_size=0)
    (tmp_path / "qwen").mkdir()
    (tmp_path / "qwen" / "config.json").write_text('{"model_type": "qwen2_vl"}')
    with pytest.raises(UserError, match="pictures of any size: set patches"):
        training_memory(str(tmp_path / "qwen"))
