"""``oro-unlearn init``: what it sees, and that what it writes can be run."""

import json
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from PIL import Image
from safetensors.torch import save_file

from oro_unlearn.cli import main
from oro_unlearn.cli.starting_graph import split_tuple
from oro_unlearn.graph import load_graph
from oro_unlearn.networks import ResNet18, SmallCNN
from oro_unlearn.networks.recognition import recognised


def weights(network: torch.nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in network.state_dict().items()}


def accepted(path: str) -> dict:
    """The options as ``fit --print_config`` prints them."""
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", path, "--print_config"])
    assert stop.value.code == 0
    return yaml.safe_load(Path(path).read_text())


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (lambda: ResNet18(7, width=8, in_channels=1), ("oro_unlearn.networks.ResNet18", {"width": 8, "in_channels": 1}, 7, 1)),
        (lambda: SmallCNN(4, width=8), ("oro_unlearn.networks.SmallCNN", {"width": 8, "in_channels": 1}, 4, 1)),
        (lambda: torchvision.models.resnet18(num_classes=5), ("torchvision.models.resnet18", {}, 5, 3)),
        (lambda: torchvision.models.mobilenet_v3_small(num_classes=6), ("torchvision.models.mobilenet_v3_small", {}, 6, 3)),
        (lambda: torchvision.models.squeezenet1_1(num_classes=6), ("torchvision.models.squeezenet1_1", {}, 6, 3)),
        (lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)), None),
        (lambda: torch.nn.Linear(2, 2), None),
    ],
)
def test_networks_are_told_by_their_tensors(network, expected):
    state = {name: value for name, value in weights(network(), "module.").items() if not name.endswith("num_batches_tracked")}
    assert recognised(state) == expected


@pytest.mark.parametrize("parts", [("train/", "test/"), ("",)])
def test_pictures_alone(parts, image_folder, capsys):
    image_folder("pics", parts=parts)
    main(["init", "--data", "pics"])
    said = capsys.readouterr().out
    assert "3, all with pictures: automobile, cat, dog" in said
    assert "oro-unlearn fit --config start.yaml" in said
    options = accepted("start.yaml")
    assert options["model"]["class_path"] == "Training"
    assert options["data"]["init_args"]["image_size"] == 32


def test_pictures_and_a_model(image_folder, capsys):
    image_folder("pics", classes=("yes", "cat", "it's"), parts=("",))
    (Path("pics") / "cat" / "notes.txt").write_text("not a picture")
    torch.save({"state_dict": weights(torchvision.models.squeezenet1_1(num_classes=3), "module.")}, "m.pth")
    main(["init", "--data", "pics", "--model", "m.pth", "--output", "new/mine.yaml"])
    said = capsys.readouterr().out
    assert "torchvision.models.squeezenet1_1 with 3 outputs" in said
    assert """oro-unlearn check --config new/mine.yaml --data.forget '[cat]'""" in said
    options = accepted("new/mine.yaml")
    assert options["model"]["init_args"]["network"] == "torchvision.models.squeezenet1_1"
    assert options["data"]["init_args"]["skip_unread"] is True


def test_a_model_of_more_classes_with_its_names(image_folder, capsys):
    image_folder("pics", classes=("b", "c"), parts=("",))
    names = ["a", "b", "c", "d"]
    torch.save({"state_dict": weights(ResNet18(4, width=8)), "classes": names}, "m.pth")
    main(["init", "--data", "pics", "--model", "m.pth"])
    options = yaml.safe_load(Path("start.yaml").read_text())
    assert options["data"]["init_args"]["class_names"] == names
    assert options["model"]["init_args"]["retain"] == "distill"
    assert options["model"]["init_args"]["network"]["init_args"] == {"width": 8, "in_channels": 3}


def test_a_model_of_an_unknown_network(image_folder, capsys):
    image_folder("pics", parts=("",))
    save_file({"a.weight": torch.zeros(4, 3, 3, 3), "b.weight": torch.zeros(3, 4)}, "m.safetensors")
    main(["init", "--data", "pics", "--model", "m.safetensors"])
    assert "unknown: set network to its constructor" in capsys.readouterr().out
    options = yaml.safe_load(Path("start.yaml").read_text())
    assert options["model"]["init_args"]["network"] == "oro_unlearn.networks.ResNet18"


@pytest.mark.parametrize("place", ["caps", "caps/captions.jsonl"])
def test_captions_become_a_graph(place, capsys):
    Path("caps").mkdir()
    texts = ["A red circle above a blue square.", "a child is holding a ball", "a dog next to the cat", "ships at dawn, many"]
    for number, text in enumerate(texts):
        Image.new("RGB", (8, 8)).save(f"caps/{number}.png")
        with open("caps/captions.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"file_name": f"{number}.png", "text": text}) + "\n")
    main(["init", "--data", place])
    said = capsys.readouterr().out
    assert "4 rows, 3 read as subject, relation and object, 3 different ones" in said
    assert "--data.forget 'red circle above blue square'" in said
    graph = load_graph("start_graph.yaml")
    assert {"red circle", "child", "cat"} <= set(graph.objects)
    assert graph.parse("dog next to cat") == ("dog", "next to", "cat")
    assert accepted("start.yaml")["data"]["init_args"]["graph"] == "start_graph.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("child drinking wine", ("child", "drinking", "wine")),
        ("The man is looking at a bird", ("man", "looking at", "bird")),
        ("a big dog chasing a small cat", ("big dog", "chasing", "small cat")),
        ("a harbour at dawn with many ships", None),
        ("hamburger", None),
        ("", None),
    ],
)
def test_tuples_of_captions(text, expected):
    assert split_tuple(text) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "nope"], "nope not found: name a folder"),
        ([], "init: the following arguments are required: --data"),
        (["--data", "pics", "--modle", "x"], "init: unrecognized arguments: --modle x"),
        (["--data", "pics", "--model", "nope.pth"], "nope.pth"),
        (["--data", "pics"], "start.yaml is there already: name another file with --output"),
    ],
)
def test_what_is_refused_leaves_everything_as_it_was(words, expected, image_folder, run):
    image_folder("pics", parts=("",))
    Path("start.yaml").write_text("mine")
    code, said = run("init", *words)
    assert (code, said.count("\n")) == (2, 1)
    assert expected in said
    assert Path("start.yaml").read_text() == "mine"
