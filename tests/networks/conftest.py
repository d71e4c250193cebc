"""Tiny CLIP models: the shipped architecture, with a ResNet, and one with two transformers."""

import pytest
import torch

from oro_unlearn.networks import OpenCLIP
from tests.networks.tiny_clip import VIT, folder_of, randomised


@pytest.fixture(params=["resnet", "vit"])
def network(request, tmp_path) -> OpenCLIP:
    torch.manual_seed(0)
    name = "scenes" if request.param == "resnet" else folder_of(tmp_path, VIT)
    return randomised(OpenCLIP(name, pretrained="")).eval()


@pytest.fixture
def scenes() -> OpenCLIP:
    torch.manual_seed(0)
    return randomised(OpenCLIP("scenes", pretrained="")).eval()
