"""Single samples to forget, by the names of their files."""

import re
from pathlib import Path

import pytest

from oro_unlearn.data import Digits, ImageFolder
from oro_unlearn.user_error import UserError


@pytest.mark.parametrize(
    "lines",
    [
        "cat/1.png\ndog/2.png\n",
        "train/cat/1.png\ntrain/dog/2.png",
        "images/train/cat/1.png\n./images/train/dog/2.png\n\n",
        "\ufeff# from the complaint\r\ntrain\\cat\\1.png\r\n\r\ntrain\\dog\\2.png\r\n",
        "C:\\Users\\me\\train\\cat\\1.png\nD:/pictures/dog/2.png\n",
        "{root}/train/cat/1.png\n{root}/test/../train/dog/2.png\n",
        "mine.png\n  dog/2.png  \n",
    ],
)
def test_paths_and_names_in_every_form(lines, image_folder):
    root = image_folder("images")
    if "mine" in lines:
        (root / "train/cat/1.png").rename(root / "train/cat/mine.png")
    Path("list.txt").write_text(lines.replace("{root}", str(root.resolve())), encoding="utf-8", newline="")
    data = ImageFolder(str(root), forget_files="list.txt")
    names = [Path(data.listings[root / "train"].paths[int(row)]).parts[-2:] for row in data.split("forget").positions]
    assert sorted(name[0] for name in names) == ["cat", "dog"]
    assert {name[1] for name in names} <= {"1.png", "2.png", "mine.png"}
    assert (len(data.split("retain")), data.forget_classes, data.forget_names) == (16, [], ["list.txt"])
    assert data.inventory()["samples"] == "list.txt"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("cat/1.png\ncat/99.png\nemu/0.png", "2 of 3 lines name no training picture, first 'cat/99.png'"),
        ("test/cat/1.png", "1 of 1 lines name no training picture"),
        ("/elsewhere/train/cat/1.png", "1 of 1 lines name no training picture"),
        ("1.png", "1 of 1 lines fit several pictures, first '1.png': write the class folder too"),
        ("# nothing\n", "names no pictures"),
        ("\n".join(f"{name}/{n}.png" for name in ("automobile", "cat", "dog") for n in range(6)), "names all 18 training"),
    ],
)
def test_what_cannot_be_found_is_named(lines, message, image_folder):
    root = image_folder("images")
    Path("list.txt").write_text(lines)
    with pytest.raises(ValueError, match=message):
        ImageFolder(str(root), forget_files="list.txt").split("forget")


def test_a_missing_list_and_one_that_is_no_text(image_folder):
    root = str(image_folder("images"))
    with pytest.raises(UserError, match=r"nope.txt not found: set --data.forget_files"):
        ImageFolder(root, forget_files="nope.txt").split("forget")
    Path("list.txt").write_bytes(b"caf\xe9.png")
    with pytest.raises(ValueError, match=r"list.txt is not UTF-8 text"):
        ImageFolder(root, forget_files="list.txt").split("forget")


def test_a_picture_that_was_set_aside_for_the_test_is_named(image_folder):
    root = image_folder("whole", parts=("",), count=10)
    data = ImageFolder(str(root), forget="cat")
    row = int(data.split("test_retain").positions[0])
    path = data.listings[root].paths[row]
    Path("list.txt").write_text(path)
    message = f"list.txt: 1 of 1 samples are not in the training split, first {path}: it was set aside for the test"
    with pytest.raises(UserError, match=re.escape(message)):
        ImageFolder(str(root), forget_files="list.txt").split("forget")


@pytest.mark.parametrize(
    ("options", "pair"),
    [
        ({"forget": "cat", "forget_files": "a"}, "--data.forget or --data.forget_files"),
        ({"forget_index": 0, "forget_indices": "a"}, "--data.forget_index or --data.forget_indices"),
        ({"forget_indices": "a", "forget_files": "b"}, "--data.forget_indices or --data.forget_files"),
    ],
)
def test_one_kind_of_request_at_a_time(options, pair):
    with pytest.raises(ValueError, match=f"give either {pair}, not both"):
        ImageFolder("images", **options)


def test_names_and_indices_go_together():
    assert Digits(forget=["8"], forget_index=[3]).forget_names == ["3", "8"]
    assert Digits(forget_index=0).forget_classes == [0]
