"""Stages and head are found in networks of other packages, and adapters fold there."""

from importlib.metadata import version
from itertools import chain

import pytest
import torch
import torchvision
from torch import nn

from benchmarks import small_networks
from oro_unlearn.networks import (
    VGG19BN,
    FeatureReader,
    ResNet18,
    SmallCNN,
    adapter_place,
    add_adapters,
    check_foldable,
    classifier_head,
    fold_adapters,
    head_rows,
    logits_of,
    resolve_layers,
    stages,
)
from oro_unlearn.networks.stages import quarter

K = 7
OURS = {"ResNet18": lambda k: ResNet18(k, width=4), "VGG19BN": lambda k: VGG19BN(k, width=4), "SmallCNN": SmallCNN}
BLOCKS = "encoder.layers.encoder_layer_"
NEW = version("transformers") >= "5"  # before, its ViT was named otherwise
HF_BLOCKS, HF_PLACE = ("vit.layers", "attention.o_proj") if NEW else ("vit.encoder.layer", "attention.output.dense")
FOUND = {  # head; first layer of each stage; last layer before the head; the layer that RW-A adapts
    "ResNet18": ("fc", ["layer1", "layer2", "layer3", "layer4"], "layer4", "layer3"),
    "VGG19BN": ("fc", ["layer1", "layer2", "layer3", "layer4", "layer5"], "layer5", "layer4"),
    "SmallCNN": ("fc", ["layer1", "layer2", "layer3"], "layer3", "layer3"),
    "resnet18": ("fc", ["layer1", "layer2", "layer3", "layer4"], "layer4", "layer3"),
    "narrow_vgg": ("classifier.6", [f"features.{n}" for n in (0, 3, 6, 11, 16)], "classifier.3", "features.11"),
    "narrow_vgg_bn": ("classifier.6", [f"features.{n}" for n in (0, 4, 8, 15, 22)], "classifier.3", "features.15"),
    "densenet": (
        "classifier",
        ["features.denseblock1", "features.transition1", "features.transition2", "features.transition3"],
        "features.norm5",
        "features.transition2.conv",
    ),
    "efficientnet_b0": ("classifier.1", [f"features.{n}" for n in (1, 2, 3, 4, 6)], "features.8", "features.4"),
    "mobilenet_v2": ("classifier.1", [f"features.{n}" for n in (1, 2, 4, 7, 14)], "features.18", "features.7"),
    "mobilenet_v3": ("classifier.3", [f"features.{n}" for n in (1, 2, 4, 9)], "classifier.0", "features.4"),
    "convnext_tiny": ("classifier.2", [f"features.{n}" for n in (1, 2, 4, 6)], "classifier.0", "features.4.1"),
    "vit": ("heads.head", [f"{BLOCKS}{n}" for n in range(4)], "encoder.ln", f"{BLOCKS}2.mlp.0"),
    "swin": ("head", [f"features.{n}" for n in (1, 2, 4, 6)], "norm", "features.4.reduction"),
    "regnet_y": ("fc", [f"trunk_output.block{n}" for n in range(1, 5)], "trunk_output.block4", "trunk_output.block3"),
    "timm_vit": ("head", [f"blocks.{n}" for n in range(4)], "norm", "blocks.2.attn.qkv"),
    "timm_convnext": ("head.fc", [f"stages.{n}" for n in range(4)], "head.norm", "stages.2.downsample.1"),
    "hf_vit": ("classifier", [f"{HF_BLOCKS}.{n}" for n in range(4)], "vit.layernorm", f"{HF_BLOCKS}.2.{HF_PLACE}"),
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return (OURS.get(name) or getattr(small_networks, name))(K).eval()


def pictures(name: str) -> torch.Tensor:
    return torch.rand(3, 1 if name == "SmallCNN" else 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", FOUND)
def test_stages_head_and_a_place_for_the_adapter_are_found(name):
    network, images = made(name), pictures(name)
    head, firsts, last, place = FOUND[name]
    found = stages(network, K)
    assert classifier_head(network, K)[0] == head
    assert [stage[0] for stage in found] == firsts
    assert found[-1][-1] == last
    assert adapter_place(network, K, images) == place
    names = list(chain.from_iterable(found))
    assert len(names) == len(set(names))
    assert not any(head == name or head.startswith(f"{name}.") for name in names)
    logits = logits_of(network(images))
    with FeatureReader(network, K) as reader:
        network(images)
    assert reader.features.ndim == 2
    assert torch.allclose(network.get_submodule(head)(reader.features), logits, atol=1e-5)


@pytest.mark.parametrize("name", ["narrow_vgg", "densenet", "vit", "swin", "hf_vit"])
def test_adapters_fold_exactly_into_linear_layers_and_convolutions_inside_a_stage(name):
    network, images = made(name), pictures(name)
    nn.init.normal_(network.get_submodule(FOUND[name][0]).weight)  # a new ViT's is zero
    names, before = list(network.state_dict()), logits_of(network(images))
    add_adapters(network, adapter_place(network, K, images), K)
    assert torch.equal(logits_of(network(images)), before)
    for module in network.modules():
        if hasattr(module, "adapter"):
            nn.init.normal_(module.adapter.weight, std=0.3)
    adapted = logits_of(network(images))
    fold_adapters(network, images)
    assert torch.allclose(logits_of(network(images)), adapted, rtol=1e-4, atol=1e-4 * float(adapted.abs().max()))
    assert not torch.allclose(adapted, before, atol=1e-2)
    assert list(network.state_dict()) == names


def test_a_normalisation_that_reads_the_adapted_tokens_is_refused():
    network = made("vit")
    add_adapters(network, f"{BLOCKS}2", K)
    with pytest.raises(ValueError, match=r"cannot be folded exactly.*shortcut or a normalisation"):
        check_foldable(network, pictures("vit"))


class Grouped(nn.Sequential):
    """Every convolution behind the middle is grouped."""

    def __init__(self) -> None:
        convolutions = (nn.Conv2d(4, 4, 3, stride=2, groups=groups) for groups in (1, 4, 4, 2))
        super().__init__(nn.Conv2d(3, 4, 1), *convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, K))


def test_where_nothing_folds_it_is_said_in_one_line():
    with pytest.raises(ValueError, match=r"no layer at or behind 3 whose .*--model.adapter_layer") as error:
        adapter_place(Grouped(), K, torch.rand(2, 3, 40, 40))
    assert "\n" not in str(error.value)


def test_a_convolution_may_be_the_head():
    """SqueezeNet's; its features are averaged, and its adapter folds into it."""
    network, images = torchvision.models.SqueezeNet("1_1", K).eval(), torch.rand(2, 3, 48, 48)
    name, head = classifier_head(network, K)
    assert name == "classifier.1"
    assert head_rows(head).shape == (K, 512)
    with FeatureReader(network, K) as reader:
        network(images)
    assert reader.features.shape == (2, 512)
    add_adapters(network, "features.9", K)
    nn.init.normal_(network.classifier[1].adapter.weight)
    adapted = network(images)
    fold_adapters(network, images)
    assert torch.allclose(network(images), adapted, atol=1e-4)
    with pytest.raises(ValueError, match="no linear layer with 16 outputs"):
        classifier_head(network, 16)  # as many as convolutions in its middle have


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ["a", "a", "a", "a"]),
        (2, ["a", "a", "b", "b"]),
        (3, ["a", "b", "c", "c"]),
        (4, ["a", "b", "c", "d"]),
        (5, ["ab", "c", "d", "e"]),
        (7, ["ab", "cd", "ef", "g"]),
    ],
)
def test_quarters_of_the_stages(count, expected):
    groups = [[letter] for letter in "abcdefg"[:count]]
    assert ["".join(quarter(groups, number)) for number in (1, 2, 3, 4)] == expected


def test_words_and_names_become_layers():
    network = made("timm_convnext")
    assert resolve_layers(network, ["quarter3", "stem", "head", "stages.2"], K) == ["stages.2", "stem", "head.fc"]
    with pytest.raises(ValueError, match=r"has no stages before its head: name layers instead.*'0', '1'"):
        resolve_layers(nn.Sequential(nn.Flatten(), nn.Linear(8, K)), ["quarter3"], K)


class Wrapper(nn.Module):
    """A network inside another."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ResNet18(K, width=4)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Wrapper(), [["net.layer1"], ["net.layer2"], ["net.layer3"], ["net.layer4"]]),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, K)), [["1"], ["3"]]),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, K)), []),
        (torchvision.models.shufflenet_v2_x0_5(num_classes=K), [["stage2"], ["stage3"], ["stage4", "conv5"]]),
        (
            torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 9, 1], num_classes=K),
            [["layer1"], ["layer2"], ["layer3"], ["layer4"]],
        ),
    ],
)
def test_stages_of_other_builds(network, expected):
    assert stages(network, K) == expected
