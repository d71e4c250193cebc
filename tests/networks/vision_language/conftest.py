"""The tiny models, each written once."""

import pytest
import torch

from oro_unlearn.networks import VisionLanguage
from tests.networks.vision_language.tiny_models import FAMILIES


@pytest.fixture(scope="session", params=FAMILIES)
def folder(request, tmp_path_factory):
    """A folder of transformers with a tiny model of each family."""
    torch.manual_seed(0)
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def network(folder):
    """The tiny model, in eval mode. Tests that change it take a copy."""
    return VisionLanguage(str(folder))
