"""The names of a model's classes, from files of every kind."""

import json
from pathlib import Path

import pytest

from oro_unlearn.data import ImageFolder
from oro_unlearn.data.images.class_names import read_class_names
from oro_unlearn.user_error import UserError

NAMES = ["owl", "cat", "caf\u00e9"]


@pytest.mark.parametrize(
    "content",
    [
        "owl\ncat\ncafé\n",
        "\ufeffowl\r\ncat\r\ncafe\u0301\r\n\r\n",
        json.dumps(NAMES),
        json.dumps({"2": "café", "0": "owl", "1": "cat"}),
        json.dumps({"cat": 1, "owl": 0, "café": 2}),
        json.dumps({"architectures": ["ViT"], "id2label": {"0": "owl", "1": "cat", "2": "café"}, "label2id": {"owl": 0}}),
        json.dumps({"architecture": "resnet18", "num_classes": 3, "label_names": NAMES}),
        json.dumps({"architecture": "resnet18", "pretrained_cfg": {"label_names": NAMES}}),
        json.dumps({"class_to_idx": {"cat": 1, "owl": 0, "café": 2}}),
    ],
    ids=["text", "Windows", "list", "by row", "rows", "id2label", "timm", "pretrained_cfg", "class_to_idx"],
)
def test_names_in_a_file(content):
    Path("names").write_text(content, encoding="utf-8", newline="")
    assert read_class_names("names") == NAMES == read_class_names(NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names holds no class names"),
        (b"\n\n", "names holds no class names"),
        (b"cat\ndog\ncat\n", "names 'cat' twice, for rows 0 and 2"),
        (b"caf\xc3\xa9\ncafe\xcc\x81\n", "twice, for rows 0 and 1"),
        (b"cat\n\ndog\n", "names, line 2 is empty"),
        (b"caf\xe9\n", "names is not UTF-8 text"),
        (b"a\0b", "names is not UTF-8 text"),
        (b"[1, 2]", "'1' is not a class name"),
        (b"{", "names is not valid JSON"),
        (b"[]", "names holds no class names"),
        (b'{"0": "cat", "2": "dog"}', "the 2 rows are not 0 to 1, each once"),
        (b'{"cat": 0, "dog": 0}', "the 2 rows are not 0 to 1, each once"),
        (b'{"lr": 0.1}', "names holds no class names"),
        (b'{"a": {"b": 1}}', "names holds no class names"),
    ],
)
def test_what_is_no_list_of_names_is_refused_in_a_line(content, message):
    Path("names").write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_class_names("names")
    assert "\n" not in str(error.value)


def test_a_missing_list_is_named():
    with pytest.raises(UserError, match=r"nowhere.txt not found: set --data.class_names"):
        read_class_names("nowhere.txt")


def test_timm_knows_the_wordnet_ids_of_imagenet():
    names = read_class_names("timm:imagenet-1k")
    assert (len(names), names[1]) == (1000, "n01443537")
    with pytest.raises(ValueError, match="timm has no set of class names 'imagenet'"):
        read_class_names("timm:imagenet")


def test_a_list_decides_the_rows_and_may_hold_more_classes(image_folder):
    root = str(image_folder("images"))
    Path("names.json").write_text(json.dumps({"0": "dog", "1": "emu", "2": "cat", "3": "automobile"}))
    data = ImageFolder(root, class_names="names.json", forget="cat")
    train = data.split("train")
    assert (data.forget_classes, data.present_classes, data.num_classes) == ([2], [0, 2, 3], 4)
    assert train.labels.bincount(minlength=4).tolist() == [6, 0, 6, 6]
    assert data.inventory()["classes"] == {
        "count": 4,
        "with_pictures": 3,
        "first_with_pictures": ["dog", "cat", "automobile"],
        "order": "as listed in names.json",
    }
    assert ImageFolder(root, class_names="names.json", forget_index=[2]).forget_names == ["cat"]


def test_classes_without_pictures_do_not_hinder_splitting(image_folder):
    root = str(image_folder("whole", parts=("",), count=10))
    names = ["x", "automobile", "y", "cat", "dog"]
    data = ImageFolder(root, class_names=names, forget="cat", forgotten="x", holdout=0.25, per_class=6)
    assert data.split("train").labels.bincount(minlength=5).tolist() == [0, 10, 0, 10, 10]
    assert (len(data.split("train")), len(data.split("test_forget")), len(data.split("test_earlier"))) == (13, 2, 0)


def test_what_has_no_pictures_cannot_be_forgotten_now(image_folder):
    root = str(image_folder("images"))
    names = ["automobile", "cat", "dog", "emu"]
    with pytest.raises(ValueError, match="nothing to forget: class emu has no training pictures"):
        ImageFolder(root, class_names=names, forget=["cat", "emu"]).split("train")
    with pytest.raises(ValueError, match="nothing is left to keep"):
        ImageFolder(root, class_names=names, forget=["cat", "dog"], forgotten="automobile").split("train")


def test_classes_of_one_split_only_need_a_list_and_are_said(image_folder):
    root = image_folder("images")
    (root / "test/cat").rename(root / "test/owl")
    data = ImageFolder(str(root), class_names=["automobile", "cat", "dog", "owl"], forget="dog")
    notes = data.inventory()["notes"]
    assert notes == [
        "1 classes have training pictures and no test pictures, for instance cat",
        "1 classes have test pictures and no training pictures, for instance owl",
    ]


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("emu", "names.txt: 1 of 4 class folders in .*train are not among its 3 names, for instance 'emu'; it holds auto"),
        ("cats", "did you mean 'cat'"),
    ],
)
def test_a_folder_that_is_not_listed_is_named(folder, message, image_folder):
    root = image_folder("images")
    (root / "train" / folder).mkdir()
    Path("names.txt").write_text("automobile\ncat\ndog\n")
    with pytest.raises(ValueError, match=message):
        _ = ImageFolder(str(root), class_names="names.txt").class_names


def test_wordnet_folders_are_told_of_timms_list(image_folder):
    root = image_folder("images", classes=("n01443537", "n01629819"))
    with pytest.raises(ValueError, match=r"try --data.class_names timm:imagenet-1k"):
        _ = ImageFolder(str(root), class_names=["goldfish", "salamander"]).class_names
    assert ImageFolder(str(root), class_names="timm:imagenet-1k").present_classes == [1, 25]
