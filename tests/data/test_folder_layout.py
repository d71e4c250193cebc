"""Which folders are splits, which are classes, and which are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from oro_unlearn.data import ImageFolder
from oro_unlearn.data.images.folder_layout import find_layout
from oro_unlearn.user_error import UserError

CLASSES = ("cat", "dog", "eel")


@pytest.fixture
def pictures():
    """Write small pictures in the places that are named."""

    def make(*places: str, count: int = 2) -> Path:
        for place in places:
            Path("set", place).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(Path("set", place, f"{number}.png"))
        return Path("set")

    return make


def classes_in(*folders: str) -> list[str]:
    return [f"{folder}/{name}" for folder in folders for name in CLASSES]


@pytest.mark.parametrize("train", ["train", "Train", "training", "TRAINING"])
@pytest.mark.parametrize("test", ["Test", "testing", "val", "Valid", "validation", "eval", "evaluation", "dev"])
def test_splits_are_known_whatever_their_case(train, test, pictures):
    found = find_layout(pictures(*classes_in(train, test), count=1))
    assert (found.train.name, found.test.name, found.notes) == (train, test, [])


def test_a_labelled_validation_folder_is_used_where_test_has_no_labels(pictures):
    found = find_layout(pictures("test/images", *classes_in("train", "val")))
    assert found.test.name == "val"
    assert found.notes == ["test is not used: it has no folders of the classes, so no labels"]
    data = ImageFolder("set", forget="cat")
    assert data.inventory()["split"] == "train is the training set, val the test set"
    assert "test is not used" in data.inventory()["notes"][0]


def test_of_two_labelled_folders_test_is_used(pictures):
    found = find_layout(pictures(*classes_in("train", "val", "test", "dev")))
    assert found.test.name == "test"
    assert found.notes == ["dev is not used: test is the test split", "val is not used: test is the test split"]


def test_without_labels_anywhere_a_part_is_set_aside_and_said(pictures):
    pictures("test", *classes_in("train"), count=5)
    found = ImageFolder("set", forget="cat").inventory()
    assert found["split"].startswith(
        "no test folder: 20 % of each class set aside here; the model may have been trained on them"
    )
    assert found["pictures"] == {
        "train": 12, "forget": 4, "retain": 8, "test_forget": 1, "test_retain": 2, "test_earlier": 0
    }  # fmt: skip
    assert found["notes"] == ["test is not used: it has no folders of the classes, so no labels"]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (classes_in("train", "Training"), "two training folders, 'Training' and 'train'"),
        (classes_in("train", "val", "dev"), "two test folders, 'dev' and 'val'"),
        ([*classes_in("train"), "extra/cat"], "the folder 'extra' beside train, which is not a split"),
        ([*classes_in("train", "test"), "unlabelled"], "the folder 'unlabelled' beside train"),
        (classes_in("test", "val"), "the split 'test' and no training folder"),
        (["cat", "dog", "val"], "the split 'val' and no training folder"),
        (["train", "test"], "train holds pictures and no class folders"),
        (["Train", "val"], "Train holds pictures and no class folders"),
        (["cat/train", "cat/test", "dog/train"], "class folder set/cat holds the split 'test'"),
        (
            classes_in("archive/train", "archive/test"),
            "the one folder 'archive', which holds splits: set --data.root set/archive",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_by_name(places, message, pictures):
    with pytest.raises(ValueError, match=message):
        find_layout(pictures(*places))


def test_a_class_may_be_called_train(pictures):
    pictures("car", "train", count=5)
    assert ImageFolder("set").class_names == ["car", "train"]


HIDDEN = [".ipynb_checkpoints", "__MACOSX", ".git", "@eaDir", "__pycache__"]


@pytest.mark.parametrize("split", ["", "train/"])
def test_hidden_folders_and_runs_are_no_classes_and_no_splits(split, pictures):
    pictures(*(f"{split}{name}" for name in (*CLASSES, *HIDDEN)), "cat/.thumbnails" if not split else "train/cat/.thumbnails")
    for name in ("runs/original", "mine", f"{split}edit"):
        pictures(name)
        (Path("set") / name / "report.json").write_text("{}")
    (Path("set") / "stopped").mkdir()
    for name in ("config.yaml", "model.ckpt"):
        (Path("set") / "stopped" / name).write_text("")
    data = ImageFolder("set", test_fraction=0.5)
    assert data.class_names == list(CLASSES)
    assert sum(len(data.split(name)) for name in ("train", "test_retain")) == 6


@pytest.mark.parametrize("name", ["._0.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png"])
def test_hidden_files_are_counted_and_not_read(name, pictures):
    root = pictures(*classes_in("train", "test"))
    (root / "train/cat" / name).write_bytes(b"anything")
    found = ImageFolder("set", forget="cat").inventory()
    assert found["skipped"] == {"hidden": 1}
    assert found["pictures"]["train"] == 6


def test_pictures_beside_class_folders_are_counted(pictures):
    pictures("train", *classes_in("train", "test"), count=1)
    found = ImageFolder("set", forget="cat").inventory()
    assert found["skipped"] == {"beside the class folders": 1}
    assert found["pictures"]["train"] == 3


def test_nested_folders_belong_to_their_class_and_links_in_a_circle_end(pictures):
    root = pictures("train/cat/left", "train/cat/right", *classes_in("train", "test"))
    (root / "train/cat/again").symlink_to(root.resolve() / "train")
    data = ImageFolder("set", forget="cat")
    assert len(data.split("forget")) == 6
    assert [Path(path).name for path in data.listings[root / "train"].paths[:2]] == ["0.png", "1.png"]


def test_a_class_without_pictures_needs_a_list(pictures):
    root = pictures(*classes_in("train", "test"))
    for split in ("train", "test"):
        (root / split / "owl").mkdir()
    with pytest.raises(UserError, match=r"'owl' has none; remove it, or list the classes.*--data.class_names"):
        _ = ImageFolder("set").class_names
    Path("names.txt").write_text("owl\ncat\ndog\neel\n")
    data = ImageFolder("set", class_names="names.txt", forget="cat")
    assert (data.num_classes, data.present_classes, data.forget_classes) == (4, [1, 2, 3], [1])


def test_two_forms_of_one_name_are_refused(pictures):
    pictures("train/caf\u00e9", "train/cafe\u0301", "train/cat")
    with pytest.raises(ValueError, match="in two forms of Unicode: merge them"):
        _ = ImageFolder("set").class_names


def test_the_inventory_can_be_kept_as_json(pictures):
    pictures(*classes_in("train", "test"))
    assert json.loads(json.dumps(ImageFolder("set").inventory()))["classes"]["order"] == "folders sorted as text"


@pytest.mark.parametrize("names", [("1", "2", "10"), ("s1", "s2", "s10")])
def test_an_order_by_number_is_known_and_not_guessed(names, pictures):
    pictures(*(f"train/{name}" for name in names), *(f"test/{name}" for name in names), count=1)
    data = ImageFolder("set")
    assert data.class_names == sorted(names)
    assert data.natural_order == list(names)
    assert ", ".join(names) in data.inventory()["classes"]["order"]
    assert ImageFolder("set", class_names=list(names)).natural_order is None
