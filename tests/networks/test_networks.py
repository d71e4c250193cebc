"""Shapes and sizes, adapters and their folding, checkpoints."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from oro_unlearn.networks import (
    VGG19BN,
    FeatureReader,
    InputAdapter,
    LogitAdapter,
    ResNet18,
    SmallCNN,
    add_adapters,
    check_foldable,
    classifier_head,
    fold_adapters,
    load_weights,
    save_weights,
)

NETWORKS = {
    "resnet": (lambda: ResNet18(10, width=8), "layer3", 3),
    "vgg": (lambda: VGG19BN(10, width=4), "layer4", 3),
    "small": (lambda: SmallCNN(10, width=4), "layer3", 1),
    "torchvision": (lambda: resnet18(num_classes=10), "layer3", 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_output_shape(name):
    make, _, channels = NETWORKS[name]
    assert make().eval()(torch.randn(2, channels, 32, 32)).shape == (2, 10)


def test_standard_sizes():
    """Parameter counts of the standard networks with ten classes."""
    assert sum(p.numel() for p in ResNet18(10).parameters()) == 11_173_962
    assert sum(p.numel() for p in VGG19BN(10).parameters()) == 20_040_522
    assert sum(p.numel() for p in SmallCNN(10).parameters()) == 24_058


def randomised(network: nn.Module) -> nn.Module:
    """Batch normalisation and adapters away from their initial values."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, InputAdapter | LogitAdapter):
            nn.init.normal_(module.adapter.weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_adapters_start_as_the_exact_identity_and_fold_exactly(name):
    make, layer, channels = NETWORKS[name]
    network, images = randomised(make()), torch.randn(4, channels, 32, 32)
    names, before = list(network.state_dict()), network(images)
    add_adapters(network, layer, 10)
    assert torch.equal(network(images), before)
    randomised(network)
    adapted, state = network(images), torch.get_rng_state()
    check_foldable(network, images)
    assert torch.equal(torch.get_rng_state(), state), "a check must not change the training that follows"
    assert torch.equal(network(images), adapted)
    assert not torch.allclose(adapted, before, atol=1e-2)
    fold_adapters(network, images)
    assert torch.allclose(network(images), adapted, atol=1e-4)
    assert list(network.state_dict()) == names
    other = torch.randn(3, channels, 32, 32)
    assert network(other).isfinite().all()


def test_an_adapter_that_cannot_fold_is_refused():
    network = randomised(ResNet18(10, width=8))
    add_adapters(network, "layer3.1", 10)  # its shortcut is the identity: nothing there to fold into
    with pytest.raises(ValueError, match="cannot be folded exactly"):
        check_foldable(network, torch.randn(2, 3, 32, 32))  # though at the identity nothing is lost
    randomised(network)
    with pytest.raises(ValueError, match="cannot be folded exactly"):
        fold_adapters(network, torch.randn(2, 3, 32, 32))


def test_adapters_need_a_layer_that_exists():
    with pytest.raises(ValueError, match="SmallCNN has no layer 'layer9' to adapt; its children are \\['layer1'"):
        add_adapters(SmallCNN(10), "layer9", 10)
    with pytest.raises(ValueError, match=r"'layer1\.1' holds no ungrouped convolution or linear layer"):
        add_adapters(SmallCNN(10), "layer1.1", 10)
    with pytest.raises(ValueError, match="'fc' holds the head"):
        add_adapters(SmallCNN(10), "fc", 10)
    with pytest.raises(ValueError, match="no linear layer with 7 outputs"):
        classifier_head(SmallCNN(10), 7)


@pytest.mark.parametrize("wrap", ["plain", "state_dict", "module", "lightning"])
def test_checkpoints_of_others_load(wrap, tmp_path):
    source, target = SmallCNN(10), SmallCNN(10)
    state = source.state_dict()
    content = {
        "plain": state,
        "state_dict": {"state_dict": state, "epoch": 3},
        "module": {f"module.{name}": value for name, value in state.items()},
        "lightning": {"state_dict": {f"network.{name}": value for name, value in state.items()}},
    }[wrap]
    torch.save(content, tmp_path / "file.pt")
    load_weights(target, tmp_path / "file.pt")
    assert all(torch.equal(a, b) for a, b in zip(source.state_dict().values(), target.state_dict().values(), strict=True))


def test_weights_survive_a_round_trip_in_channels_last(tmp_path):
    source = ResNet18(10, width=8).to(memory_format=torch.channels_last)
    save_weights(source, tmp_path / "new" / "file.safetensors")
    target = ResNet18(10, width=8)
    load_weights(target, tmp_path / "new" / "file.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(source.state_dict().values(), target.state_dict().values(), strict=True))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.safetensors"]


def test_weights_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "file.safetensors.part").touch(0o600)  # left by a run that was killed
    save_weights(SmallCNN(10), tmp_path / "file.safetensors")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "file.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    ("content", "message"),
    [({}, "holds no state dict"), ([1, 2], "holds no state dict"), ({"a": 1}, "holds no state dict")],
)
def test_files_without_weights_are_refused(content, message, tmp_path):
    torch.save(content, tmp_path / "file.pt")
    with pytest.raises(ValueError, match=message):
        load_weights(SmallCNN(10), tmp_path / "file.pt")


def test_truncated_files_are_refused(tmp_path):
    save_weights(SmallCNN(10), tmp_path / "file.safetensors")
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "file.safetensors").read_bytes()[:1000])
    torch.save(SmallCNN(10).state_dict(), tmp_path / "file.pt")
    (tmp_path / "half.pt").write_bytes((tmp_path / "file.pt").read_bytes()[:1000])
    for name in ("half.safetensors", "half.pt"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a checkpoint"):
            load_weights(SmallCNN(10), tmp_path / name)


def test_features_are_what_enters_the_head():
    network, images = SmallCNN(10, width=4).eval(), torch.randn(3, 1, 16, 16)
    with FeatureReader(network, 10) as reader:
        logits = network(images)
    assert reader.features.shape == (3, 16)
    assert torch.equal(network.fc(reader.features), logits)
    before = reader.features
    network(images + 1)
    assert reader.features is before, "the hook is gone afterwards"
