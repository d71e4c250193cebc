"""Every way to name a network on the command line, and what is said of one that cannot be built."""

from pathlib import Path

import pytest
import yaml

from oro_unlearn.cli import build
from oro_unlearn.cli.errors import explain
from oro_unlearn.cli.network_option import merged
from oro_unlearn.networks import NetworkSpec
from tests.conftest import CONFIGS

DIGITS = ("--config", str(CONFIGS / "digits" / "original.yaml"))
NET = "--model.network"
OWN = """
from torch import nn
from torchvision.models import googlenet, resnet18, squeezenet1_1


class WidthFirst(nn.Module):
    def __init__(self, width: int, num_classes: int, act: nn.Module = nn.ReLU()) -> None:
        super().__init__()
        self.width, self.act, self.fc = width, act, nn.Linear(width, num_classes)


class SameName(nn.Module):
    def __init__(self, num_classes: int, width: int = 7) -> None:
        super().__init__()
        self.width, self.fc = width, nn.Linear(width, num_classes)


class Fixed(nn.Module):
    def __init__(self, size: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(4, size)


def unannotated(num_classes, width=3):
    return SameName(num_classes, width)


def anything(**options):
    return resnet18(**options)


def no_classes(width: int = 4):
    return SameName(10, width)


def convolutional_head(num_classes: int) -> nn.Module:
    return squeezenet1_1(num_classes=num_classes)


def nothing(num_classes):
    return 3


number = 3
"""


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    Path("own_nets.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_nets", raising=False)


def network(*words: str):
    return build([*DIGITS, *words]).model.network


@pytest.mark.parametrize(
    ("words", "kind", "width"),
    [
        (("timm:resnet10t",), "ResNet", None),
        (("timm.create_model", f"{NET}.init_args.model_name", "resnet10t", f"{NET}.in_chans", "1"), "ResNet", None),
        (("{class_path: timm.create_model, init_args: {model_name: resnet10t, drop_rate: 0.1}}",), "ResNet", None),
        (
            ("{class_path: timm.create_model, init_args: {model_name: resnet10t}, dict_kwargs: {drop_rate: 0.1}}",),
            "ResNet",
            None,
        ),
        (("torchvision:squeezenet1_1",), "SqueezeNet", None),
        (("torchvision.models.resnet18", f"{NET}.zero_init_residual", "true"), "ResNet", None),
        (("ResNet18",), "ResNet18", 16),  # networks of this package share the preset's options
        (("ResNet18", f"{NET}.width", "8"), "ResNet18", 8),
        (("own_nets.WidthFirst", f"{NET}.width", "5"), "WidthFirst", 5),
        (("own_nets.WidthFirst", f"{NET}.width", "5", f"{NET}.act", "torch.nn.GELU"), "WidthFirst", 5),
        (("own_nets.SameName",), "SameName", 7),  # not the preset's 16
        (("own_nets.unannotated", f"{NET}.init_args.width", "5"), "SameName", 5),
        (("own_nets.anything", f"{NET}.zero_init_residual", "true"), "ResNet", None),
        (("own_nets.no_classes", f"{NET}.width", "6"), "SameName", 6),
        (("own_nets.Fixed",), "Fixed", None),
        (("own_nets.convolutional_head",), "SqueezeNet", None),
    ],
)
def test_a_network_is_built(words, kind, width):
    built = network(NET, *words)
    assert type(built).__name__ == kind
    assert width is None or (built.fc.in_features if kind == "ResNet18" else built.width * 8) == width * 8


@pytest.mark.parametrize("words", [(f"{NET}.width", "4"), (f"{NET}.init_args.width", "4"), (f"{NET}.init_args", "{width: 4}")])
def test_options_are_laid_over_the_configuration_files(words):
    cli = build([*DIGITS, *words])
    assert cli.config.model.init_args.network == NetworkSpec("oro_unlearn.networks.SmallCNN", {"width": 4, "in_channels": 1})
    assert cli.model.network.fc.in_features == 16


def test_a_second_file_changes_options_or_the_network():
    options = {"model": {"init_args": {"network": {"init_args": {"width": 4}}}}}
    Path("width.yaml").write_text(yaml.safe_dump(options))
    assert network("--config", "width.yaml").fc.in_features == 16
    options = {"model": {"init_args": {"network": "own_nets.SameName"}}}
    Path("other.yaml").write_text(yaml.safe_dump(options))
    assert network("--config", "other.yaml").width == 7
    assert network("--config", "other.yaml", "--config", "width.yaml").width == 4


@pytest.mark.parametrize("words", [("timm:resnet10t", f"{NET}.in_chans", "1"), ("own_nets.WidthFirst", f"{NET}.width", "5")])
def test_the_written_configuration_gives_the_same_network(words):
    first = build([*DIGITS, NET, *words])
    Path("again.yaml").write_text(first.parser.dump(first.config, skip_none=False))
    again = build(["--config", "again.yaml"])
    assert again.config.model.init_args.network == first.config.model.init_args.network
    assert str(again.model.network) == str(first.model.network)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("timm:resnet10q",), "timm has no network 'resnet10q': did you mean resnet"),
        (("timm.create_model", f"{NET}.model_name", "resnet10q"), "timm has no network 'resnet10q'"),
        (("timm.create_model",), "timm.create_model cannot be built: .*model_name"),
        (("torchvision:resnet",), "torchvision has no network 'resnet': did you mean resnet50"),
        (("resnet50",), "unknown network 'resnet50' .*timm:NAME"),
        (("own_nets.WidthFirst",), "own_nets.WidthFirst cannot be built: .*required: width"),
        (("own_nets.WidthFirst", f"{NET}.widht", "3"), "Option 'widht' is not accepted; did you mean 'width'"),
        (("own_nets.WidthFirst", f"{NET}.width", "x"), "cannot have these options: .*width"),
        (("own_nets.anything", f"{NET}.widht", "3"), "own_nets.anything takes no 'widht'"),
        (("own_nets.Fixed", f"{NET}.size", "7"), "own_nets.Fixed has 7 outputs and the data 10 classes"),
        (("own_nets.nothing",), "own_nets.nothing returns a int, not a torch.nn.Module"),
        (("own_nets.number",), "own_nets.number is neither a class nor a function"),
        (("own_nets.Nope",), "own_nets has no 'Nope'"),
        (("nowhere.Net",), "no Python module 'nowhere'"),
        (("collections.Counter",), "collections.Counter is a class that is not a torch.nn.Module"),
        (("[1]",), r"the network is \[1\]: give a name"),
        (("hf:nowhere",), "hf:nowhere not found: name a folder with config.json"),
    ],
)
def test_what_cannot_be_built_is_one_line(words, message):
    with pytest.raises(Exception) as error:
        network(NET, *words)
    line = explain(error.value)
    assert line
    assert "\n" not in line
    assert __import__("re").search(message, line), line


def test_options_without_a_network_are_refused():
    with pytest.raises(ValueError, match="options but no class_path: name the network first"):
        merged({"init_args": {"width": 3}}, None)
