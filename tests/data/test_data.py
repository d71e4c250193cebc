"""Splits, forget requests, files, and what happens to a batch."""

import hashlib
import os
import time
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import RandomCrop

from oro_unlearn.data import CIFAR10, Digits, ImageFolder, TinyImageNet
from oro_unlearn.data.images import tiny_imagenet
from oro_unlearn.data.images.forget_request import read_indices, resolve_classes
from oro_unlearn.data.images.image_files import FileImages, read_image
from oro_unlearn.data.images.labelled_images import random_crop, random_flip
from oro_unlearn.user_error import UserError
from tests.conftest import WNIDS
from tests.conftest import tiny_imagenet as write_tiny_imagenet

REAL = Path(os.environ.get("ORO_DATA", Path(__file__).parents[2] / ".data"))  # read before a fixture changes it


class Trainer:
    """As much of a trainer as a data module asks for."""

    global_rank, world_size = 0, 1

    def __init__(self, training: bool) -> None:
        self.training = training


def labels(data, split):
    part = data.split(split)
    return part.labels[part.positions]


def test_splits_are_a_partition():
    data = Digits(forget=[3, 8])
    sizes = {name: len(data.split(name)) for name in ("train", "forget", "retain", "test_forget", "test_retain")}
    assert sizes["train"] == sizes["forget"] + sizes["retain"] == 1437
    assert sizes["test_forget"] + sizes["test_retain"] == 360
    assert set(labels(data, "forget").tolist()) == set(labels(data, "test_forget").tolist()) == {3, 8}
    assert not {3, 8} & set(labels(data, "retain").tolist())
    assert not {3, 8} & set(labels(data, "test_retain").tolist())
    positions = torch.cat([data.split(name).positions for name in ("forget", "retain")])
    assert sorted(positions.tolist()) == data.split("train").positions.tolist()


def test_digits_are_normalised_by_their_own_statistics():
    data = Digits()
    images = data.split("train").images.float() / 255
    assert data.mean[0] == pytest.approx(float(images.mean()), abs=1e-3)
    assert data.std[0] == pytest.approx(float(images.std()), abs=1e-3)


def test_holdout_never_reads_the_test_split():
    data = Digits(forget=1, holdout=0.25)
    parts = [data.split(name) for name in ("train", "test_retain", "test_forget")]
    positions = [int(position) for part in parts for position in part.positions]
    assert sorted(positions) == list(range(1437)), "training images, each once"
    assert all(part.images is parts[0].images for part in parts)


def test_parts_of_the_training_set_have_every_class_and_no_image_twice(image_folder):
    whole = Digits(forget=[4])
    parts = [Digits(forget=[4], train_share=0.15, train_part=part) for part in range(3)]
    positions = torch.cat([part.split("retain").positions for part in parts])
    assert len(positions.unique()) == len(positions)
    for part in parts:
        counts = labels(part, "train").bincount().float()
        assert (counts - 0.15 * labels(whole, "train").bincount()).abs().max() <= 1
        assert len(part.split("test_retain")) == len(whole.split("test_retain"))
    assert parts[0].inventory()["split"].endswith("of the training split 15 % are used, part 0 (train_share)")
    folder = str(image_folder("few"))
    few = [ImageFolder(folder, train_share=0.5, train_part=part).split("train").positions for part in range(4)]
    assert torch.cat(few[:2]).sort().values.tolist() == torch.cat(few[2:]).sort().values.tolist() == list(range(18))
    assert not few[0].equal(few[2]), "another shuffle"
    for mistake in ({"train_share": 0}, {"train_share": 1.5}, {"train_part": -1}):
        with pytest.raises(UserError, match=f"--data.{next(iter(mistake))} is"):
            Digits(**mistake)


def test_holdout_of_one_folder_never_reads_the_test_split(image_folder):
    root = str(image_folder("whole", parts=("",), count=20))
    data, whole = ImageFolder(root, forget="cat", holdout=0.25), ImageFolder(root, forget="cat")
    test = {int(n) for name in ("test_retain", "test_forget") for n in whole.split(name).positions}
    used = [int(n) for name in ("train", "test_retain", "test_forget") for n in data.split(name).positions]
    assert len(test) == 12
    assert sorted(used) == sorted(set(range(60)) - test)


def test_samples_to_forget_must_be_in_the_training_split(image_folder):
    root = str(image_folder("whole", parts=("",), count=20))
    outside = int(ImageFolder(root, forget="cat").split("test_retain").positions[0])
    Path("some.txt").write_text(str(outside))
    with pytest.raises(ValueError, match=rf"1 of 1 samples are not in the training split, first {outside}: "):
        ImageFolder(root, forget_indices="some.txt").split("forget")


def test_forgotten_samples_from_a_file():
    Path("some.txt").write_text("5\n7 7\n1000\n")
    data = Digits(forget_indices="some.txt")
    assert data.forget_classes == []
    assert data.split("forget").positions.tolist() == [5, 7, 1000]
    assert len(data.split("retain")) == 1434
    assert len(data.split("test_forget")) == 0
    np.save("some.npy", np.array([1, 2]))
    assert Digits(forget_indices="some.npy").split("forget").positions.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("3 x", "must hold integers"),
        ("1.5", "must hold integers"),
        ("-1", "names sample -1"),
        ("10", "names sample 10; there are 10"),
        (" ".join(map(str, range(10))), "names all 10"),
    ],
)
def test_files_of_indices_are_checked(content, message):
    Path("some.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_indices("some.txt", 10)


def test_indices_are_never_unpickled_or_rounded():
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"objects.npy must hold integers"):
        read_indices("objects.npy", 10)
    np.save("floats.npy", np.array([1.0]))
    with pytest.raises(ValueError, match="floating-point"):
        read_indices("floats.npy", 10)


def test_names_and_indices_are_never_confused():
    names = ["10", "2", "33"]
    assert resolve_classes(["2"], names) == resolve_classes([], names, [1]) == [1]
    assert resolve_classes("33", names) == resolve_classes("", names, 2) == [2]
    assert resolve_classes(["10"], names, [2, 0]) == [0, 2]
    with pytest.raises(ValueError, match=r"class '1' .* 10, 2, 33: for row 1 .* '2', write --data.forget_index \"\[1\]\""):
        resolve_classes(["1"], names)
    with pytest.raises(ValueError, match=r"class '3' does not exist; the classes are 10, 2, 33: did you mean '33'\?"):
        resolve_classes(["3"], names)
    with pytest.raises(ValueError, match=r"--data.forget_index 3 is not a class: there are 3, 0 to 2"):
        resolve_classes("", names, 3)
    with pytest.raises(ValueError, match=r"c19, ... \(100 in all\)"):
        resolve_classes(["no"], [f"c{n}" for n in range(100)])


def test_names_are_compared_in_one_form_of_unicode():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert resolve_classes([decomposed], ["x", composed]) == resolve_classes(composed, ["x", decomposed]) == [1]


def test_batches_are_normalised_and_augmented_in_training_only():
    data = Digits(forget=1, crop_padding=2, flip=True)
    batch = next(iter(data.loader(data.split("train"))))
    assert batch[0].dtype == torch.uint8
    data.trainer = Trainer(training=False)
    images, targets, index = data.on_after_batch_transfer(batch, 0)
    expected = (batch[0].float() / 255 - data.mean[0]) / data.std[0]
    assert torch.allclose(images, expected)
    assert torch.equal(targets, data.split("train").labels[index])
    data.trainer = Trainer(training=True)
    augmented = data.on_after_batch_transfer({"train": batch}, 0)["train"][0]
    assert not torch.allclose(augmented, expected)


def test_random_crop_has_torchvisions_distribution():
    """Each of the (2p + 1)^2 shifts occurs equally often, with zeros around; compared with torchvision's own crops."""
    image = torch.arange(1, 17).view(1, 1, 4, 4).float()
    ours = {tuple(crop.flatten().tolist()) for crop in random_crop(image.expand(2000, -1, -1, -1), 1)}
    theirs = {tuple(RandomCrop(4, padding=1)(image[0]).flatten().tolist()) for _ in range(2000)}
    assert ours == theirs
    assert len(ours) == 9
    counts = torch.stack([crop.flatten()[0] for crop in random_crop(image.expand(9000, -1, -1, -1), 1)]).unique(
        return_counts=True
    )[1]
    # the top-left pixel is 0 in 5 of 9 shifts, and 1, 2, 5 or 6 in one each
    assert torch.allclose(counts / 9000, torch.tensor([5, 1, 1, 1, 1]) / 9, atol=0.02)


def test_random_flip_mirrors_half():
    images = torch.arange(4).float().view(1, 1, 1, 4).expand(4000, -1, -1, -1)
    flipped = random_flip(images)[:, 0, 0, 0] == 3
    assert 0.46 < flipped.float().mean() < 0.54
    assert set(map(tuple, random_flip(images)[:, 0, 0].tolist())) == {(0, 1, 2, 3), (3, 2, 1, 0)}


def test_image_folder_with_and_without_a_test_folder(image_folder):
    split = ImageFolder(str(image_folder("split")), forget="cat")
    assert (split.class_names, split.forget_classes) == (["automobile", "cat", "dog"], [1])
    assert (len(split.split("train")), len(split.split("test_forget"))) == (18, 6)
    whole = [ImageFolder(str(image_folder(f"whole{n}", parts=("",), count=10)), forget=["cat"]) for n in range(2)]
    assert [len(whole[0].split(name)) for name in ("train", "test_retain", "test_forget")] == [24, 4, 2]
    assert torch.equal(whole[0].split("train").positions, whole[1].split("train").positions)
    other = ImageFolder("whole0", forget=["cat"], split_seed=1)
    assert not torch.equal(whole[0].split("train").positions, other.split("train").positions)


@pytest.mark.parametrize("test_folder", ["val", "valid", "validation"])
def test_test_folders_of_other_names(test_folder, image_folder):
    data = ImageFolder(str(image_folder("images", parts=("train/", f"{test_folder}/"))))
    assert data.class_names == ["automobile", "cat", "dog"]
    assert len(data.split("train")) == len(data.split("test_retain")) == 18


def test_a_training_folder_alone_is_split_and_a_class_may_be_called_train(image_folder):
    assert len(ImageFolder(str(image_folder("alone", parts=("train/",), count=10))).split("train")) == 24
    assert ImageFolder(str(image_folder("vehicles", classes=("car", "train"), parts=("",)))).class_names == ["car", "train"]


def test_large_image_folders_are_read_file_by_file_and_alike(image_folder):
    root = str(image_folder("images"))
    memory, files = ImageFolder(root, forget="cat"), ImageFolder(root, forget="cat", memory_limit=0, num_workers=0)
    ours, theirs = (next(iter(data.loader(data.split("forget")))) for data in (memory, files))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_sizes_and_channels_are_converted():
    Image.fromarray(np.full((50, 30), 7, np.uint8)).save("grey.png")
    assert read_image("grey.png", 16, 3).tolist() == torch.full((3, 16, 16), 7).tolist()
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 65).save("deep.png")
    assert read_image("deep.png", 8, 3).max() == 255, "twelve bits in sixteen are not near black"
    Image.fromarray(np.full((9, 9, 4), 255, np.uint8)).save("alpha.png")
    assert read_image("alpha.png", 9, 1).shape == (1, 9, 9)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"not an image", "no image file"), (None, "truncated|cannot identify|no image")]
)
def test_a_corrupt_image_is_named(content, reason, image_folder, run):
    root = image_folder("images")
    bad = root / "train/cat/3.png"
    bad.write_bytes(content or bad.read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"1 file in a class folder is not read, .*3.png \(.*({reason}).*--data.skip_unread"):
        ImageFolder(str(root), forget="cat").split("train")


def test_a_corrupt_image_is_named_by_a_worker_process(image_folder, run):
    from tests.conftest import CONFIGS, SHORT

    root = image_folder("images")
    for path in (root / "train").rglob("*.png"):
        path.write_bytes(path.read_bytes()[:-200])
    code, error = run(
        *("fit", "--config", str(CONFIGS / "image_folder/original.yaml"), "--data.root", str(root), *SHORT),
        *("--data.memory_limit", "0", "--data.num_workers", "1"),
    )
    assert code == 2
    assert "oro-unlearn: error: cannot read image" in error
    assert "Traceback" not in error


def test_missing_folders_and_differing_classes_are_named(image_folder):
    with pytest.raises(UserError, match=r"nowhere not found: set --data.root"):
        _ = ImageFolder("nowhere").class_names
    root = image_folder("images")
    (root / "test/cat").rename(root / "test/cow")
    with pytest.raises(ValueError, match="train and test hold different classes, for instance 'cat'"):
        ImageFolder(str(root)).split("train")
    Path("empty/train").mkdir(parents=True)
    with pytest.raises(UserError, match="no images in class folders under empty"):
        _ = ImageFolder("empty").class_names
    with pytest.raises(UserError, match=r"CIFAR10 not found .* --data.download true"):
        CIFAR10().split("train")
    with pytest.raises(UserError, match=r"wnids.txt not found: add --data.download true"):
        _ = TinyImageNet().class_names


def test_tiny_imagenet_reads_the_official_layout():
    write_tiny_imagenet(Path("tiny-imagenet-200"))
    data = TinyImageNet(".", forget="n01629819")
    assert data.class_names == ["n01443537", "n01629819", "n01641577"]
    assert data.forget_classes == [1]
    assert data.split("train").images.shape == (6, 3, 64, 64)
    assert labels(data, "test_forget").tolist() == [1, 1]
    grey = data.split("train").images[0]
    assert torch.equal(grey[0], grey[1])


def test_tiny_imagenet_downloads_with_a_checksum(monkeypatch):
    write_tiny_imagenet(Path("source/tiny-imagenet-200"))
    with zipfile.ZipFile("tiny.zip", "w") as archive:
        for path in Path("source").rglob("*"):
            archive.write(path, path.relative_to("source"))
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(tiny_imagenet, "URL", f"http://127.0.0.1:{server.server_port}/tiny.zip")
        with pytest.raises(UserError, match=r"TinyImageNet cannot be downloaded .*corrupted"):
            TinyImageNet("wrong", download=True).prepare_data()
        monkeypatch.setattr(tiny_imagenet, "MD5", hashlib.md5(Path("tiny.zip").read_bytes()).hexdigest())
        assert len(TinyImageNet("right", download=True).class_names) == 3
        server.shutdown()


def test_relative_roots_are_looked_for_in_the_data_folder(image_folder, tmp_path):
    image_folder(tmp_path / "data" / "mine")
    assert ImageFolder("mine").class_names == ["automobile", "cat", "dog"]


@pytest.mark.parametrize(("folder", "channels", "size"), [("cifar10", 3, 32), ("mnist", 1, 28), ("tinyimagenet20", 3, 64)])
def test_real_images(folder, channels, size, monkeypatch):
    """The data sets of the benchmarks, as files."""
    if not (REAL / folder).is_dir():
        pytest.skip(f"{REAL / folder} is not there: set ORO_DATA to the folder of the real data sets")
    data = ImageFolder(str(REAL / folder), image_size=size, channels=channels, forget_index=0)
    path = next(iter(data.listings.values())).paths[0]
    assert read_image(path, size, channels).shape == (channels, size, size)
    assert data.num_classes in (10, 20)


@pytest.mark.parametrize("limit", [1, 5])
def test_a_part_of_each_class_is_the_first_of_each(limit):
    whole, part = Digits(forget=[3]), Digits(forget=[3], per_class=limit, test_per_class=2)
    train = part.split("train")
    labels = train.labels[train.positions]
    assert labels.bincount().tolist() == [limit] * 10
    assert len(part.split("forget")) == limit
    assert len(part.split("test_retain")) == 2 * 9
    everything = whole.split("train")
    first = [int((everything.labels == label).nonzero()[0]) for label in range(10)]
    assert set(first) <= set(train.positions.tolist()), "positions are those of the whole set"


def test_files_that_are_not_used_are_not_read(image_folder, monkeypatch):

    root, read = image_folder("photos"), []
    decode = FileImages.in_memory
    monkeypatch.setattr(FileImages, "in_memory", lambda self: read.append(len(self.paths)) or decode(self))
    data = ImageFolder(root=str(root), per_class=2, test_per_class=1)
    assert data.split("train").labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert read == [6, 3]


def test_a_negative_part_is_refused():
    with pytest.raises(ValueError, match="never negative"):
        Digits(per_class=-1)


def test_pixels_come_back_from_normalised_images():
    data, pixels = Digits(), torch.rand(2, 1, 4, 4)
    assert torch.allclose(data.to_pixels(data.normalise(pixels)), pixels, atol=1e-6)


def test_a_flip_that_does_not_exist_is_named_beside_those_that_do(run):
    from tests.conftest import CONFIGS

    code, said = run("fit", "--config", str(CONFIGS / "digits/original.yaml"), "--data.flip", "sideways")
    assert code == 2
    assert "expected bool or 'alternating', got sideways" in said


def test_tiny_imagenet_is_downloaded_by_one_of_several_processes(monkeypatch):
    """Each asks for the names of the classes while the command line is parsed, before any of them knows of the others."""
    downloads = []

    def fetch(url, root, extract_root, md5):
        downloads.append(url)
        time.sleep(0.1)
        write_tiny_imagenet(Path(extract_root) / "tiny-imagenet-200")

    monkeypatch.setattr(tiny_imagenet, "download_and_extract_archive", fetch)
    with ThreadPool(3) as pool:
        names = pool.map(lambda _: TinyImageNet("new", download=True).class_names, range(3))
    assert len(downloads) == 1
    assert names == [sorted(WNIDS)] * 3
