"""Tiny CLIP models with random weights, their embeddings, and a few steps of training."""

import json
from pathlib import Path

import torch
from torch import nn

from oro_unlearn.networks import OpenCLIP

CAPTIONS = ["a child eating a hamburger", "a dog next to a cat", "a robot", "an elder throwing a book in a snowy field"]
VIT = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
}
KINDS = ["lora", "dora", "rslora"]


def randomised(network: OpenCLIP) -> OpenCLIP:
    """No layer at its initial value: batch normalisation that changes something, biases, projections."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in network.model.state_dict().items():
        if tensor.is_floating_point() and tensor.dim() < 2 and "logit_scale" not in name:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network


def folder_of(path: Path, config: dict, name: str = "tiny", **preprocess) -> str:
    folder = path / name
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return f"local-dir:{folder}"


def images_for(network: OpenCLIP) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    shape = (len(CAPTIONS), 3, network.image_size, network.image_size)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def embeddings(network: OpenCLIP) -> torch.Tensor:
    return torch.cat([network.encode_image(images_for(network)), network.encode_text(network.tokenize(CAPTIONS))])


def loss(network: OpenCLIP) -> torch.Tensor:
    image, text = embeddings(network).chunk(2)
    return nn.functional.cross_entropy(network.scale * image @ text.T, torch.arange(len(CAPTIONS)))


def train(network: OpenCLIP, steps: int = 3) -> None:
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(network).backward()
        optimiser.step()
