"""The towers of every family, found by structure."""

import pytest
import torch
from torch import nn

from oro_unlearn.networks.vision_language.feed_forward import find_towers
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import QUESTIONS

SIZES = {  # layers and width: text, vision
    "llava": ((2, 48), (2, 40)),  # 3 vision layers, of which the last has no effect
    "qwen2_vl": ((2, 48), (2, 64)),
    "qwen2_5_vl": ((2, 48), (2, 40)),
    "qwen3_vl": ((2, 48), (3, 40)),
    "gemma3": ((2, 48), (2, 40)),
    "internvl": ((2, 48), (2, 40)),
    "idefics3": ((2, 48), (2, 40)),
    "personas": ((3, 256), (3, 256)),
}


def test_number_and_width_of_layers(network, folder):
    family = next(name for name in SIZES if folder.name.startswith(name))
    for layers, (number, width) in zip((network.text_layers, network.vision_layers), SIZES[family], strict=True):
        assert [layer.reader.in_features for layer in layers] == [width] * number
        assert all(maker.out_features == width for layer in layers for maker in layer.makers)
        assert all(network.get_submodule(layer.name) is layer.reader for layer in layers)
    assert len(network.text_blocks) == len(network.text_layers)
    assert len(network.vision_blocks) == len(network.vision_layers)


def test_the_makers_make_what_the_reader_reads(network):
    """The gate goes through the activation, the other maker multiplies it."""
    inputs, read = network.collate(QUESTIONS), {}
    layers = [network.text_layers[-1], network.vision_layers[0]]
    hooks = [
        linear.register_forward_hook(lambda module, given, made: read.update({module: (given[0], made)}))
        for layer in layers for linear in (layer.reader, *layer.makers)
    ]  # fmt: skip
    with torch.no_grad():
        network(inputs)
        for hook in hooks:
            hook.remove()
        for layer in layers:
            made = [read[maker][1] for maker in layer.makers]
            expected = layer.activation(made[-1])
            expected = made[0] * expected if len(made) == 2 else expected
            torch.testing.assert_close(read[layer.reader][0], expected)


class Wordy(nn.Module):
    """A language model alone."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(4, 8)
        layer = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.layers = nn.ModuleList([nn.ModuleDict({"attention": nn.Linear(8, 8), "mlp": layer})])

    def get_input_embeddings(self):
        return self.embed


def test_a_model_without_vision_tower_is_refused():
    with pytest.raises(UserError, match="Wordy has no vision tower"):
        find_towers(Wordy())
