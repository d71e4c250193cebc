"""The layers of CLIP's towers, and paths through both towers of a ViT."""

import pytest
import torch

from oro_unlearn.networks import OpenCLIP
from oro_unlearn.networks.neurons import clip_neuron_layers, path_scores, prune, select_paths
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import CAPTIONS, VIT, folder_of, images_for, randomised


@pytest.fixture
def vit(tmp_path) -> OpenCLIP:
    torch.manual_seed(0)
    return randomised(OpenCLIP(folder_of(tmp_path, VIT), pretrained="")).eval().requires_grad_(False)


def test_paths_of_both_towers(vit):
    images, tokens = images_for(vit), vit.tokenize(CAPTIONS)
    features = {"image": vit.encode_image(images), "text": vit.encode_text(tokens)}
    inputs = {"image": (vit.encode_image, images), "text": (vit.encode_text, tokens)}
    places = {"image": torch.zeros(4, 5, dtype=torch.bool), "text": torch.zeros(tokens.shape, dtype=torch.bool)}
    places["image"][:, 0] = True
    places["text"][torch.arange(4), tokens.argmax(1)] = True
    for tower, other in (("image", "text"), ("text", "image")):
        encode, given = inputs[tower]

        def cosines(rows, encode=encode, given=given, goals=features[other]):
            return (encode(given[rows]) * goals[rows]).sum(1)

        layers = clip_neuron_layers(vit.model, tower)
        assert [layer.width for layer in layers] == [128, 128]
        assert all(layer.name.endswith("mlp.c_proj") for layer in layers)
        chosen = select_paths(path_scores(layers, cosines, places[tower], 4, 5), None, 5, "none")
        before, state = cosines(torch.arange(4)), {name: value.clone() for name, value in vit.model.state_dict().items()}
        for layer, neurons in zip(layers, chosen, strict=True):
            prune(layer, neurons)
        assert cosines(torch.arange(4)).mean() < before.mean(), "the neurons that raise the cosine are gone"
        vit.model.load_state_dict(state)


def test_a_resnet_has_no_neurons():
    with pytest.raises(UserError, match="image tower has no MLPs"):
        clip_neuron_layers(OpenCLIP("scenes", pretrained="").model, "image")
    assert len(clip_neuron_layers(OpenCLIP("scenes", pretrained="").model, "text")) == 2
