"""What becomes of the pixels in people's files, and of files that are not read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from oro_unlearn.data import ImageFolder
from oro_unlearn.data.images.decoding import Reading, inspect
from oro_unlearn.data.images.image_files import read_image
from oro_unlearn.report.inventory import inventory_lines

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)


def odd(root: Path, name: str = "odd.png") -> Path:
    return root / "train/cat" / name


@pytest.mark.parametrize("suffix", ["jfif", "JPG", "tiff", "bmp", "webp", "gif", "ppm", "pgm", "avif", "jp2", "tga"])
def test_what_pillow_reads_is_read(suffix, image_folder):
    root = image_folder("images")
    image = Image.fromarray(PIXELS).convert("L" if suffix == "pgm" else "RGB")
    image.save(odd(root, f"odd.{suffix}"), format={"jfif": "JPEG", "JPG": "JPEG", "pgm": "PPM"}.get(suffix))
    data = ImageFolder(str(root), forget="cat")
    assert len(data.split("forget")) == 7
    assert data.inventory()["skipped"] == {}


def test_pictures_of_phones_are_read_with_the_extra(image_folder):
    root = image_folder("images")
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(PIXELS.repeat(8, 0).repeat(8, 1))).save(str(odd(root, "odd.HEIC")))
    assert len(ImageFolder(str(root), forget="cat").split("forget")) == 7


UNREAD = {"a.txt": b"text", "b.svg": b"<svg/>", "noend": b"x", "c.png": b"no picture", "d.jpg": b""}


def test_files_that_are_not_read_stop_the_run_unless_they_may_be_skipped(image_folder):
    root = image_folder("images")
    for name, content in UNREAD.items():
        odd(root, name).write_bytes(content)
    odd(root, "cut.png").write_bytes(odd(root, "0.png").read_bytes()[:-300])
    with pytest.raises(
        ValueError, match=r"5 files in class folders are not read, for instance .*a.txt \(suffix .txt\).*skip_unread"
    ):
        ImageFolder(str(root), forget="cat").split("train")
    data = ImageFolder(str(root), forget="cat", skip_unread=True)
    assert len(data.split("train")) == 18
    found = data.inventory()
    assert found["skipped"] == {"no suffix": 1, "suffix .svg": 1, "suffix .txt": 1, "unreadable": 3}
    assert "not read      1 no suffix, 1 suffix .svg, 1 suffix .txt, 3 unreadable" in inventory_lines(found)


def test_damage_behind_the_header_is_counted(image_folder):
    root = image_folder("images")
    for number in (0, 3):
        path = odd(root, f"{number}.png")
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ValueError, match=r"2 files in class folders are not read, for instance .*train/cat/0.png \(.*trunc"):
        ImageFolder(str(root), forget="cat").split("train")
    files = ImageFolder(str(root), forget="cat", skip_unread=True, memory_limit=0, num_workers=0)
    assert len(files.split("train")) == 16


def test_orientation_is_applied_unless_it_is_switched_off():
    half = np.zeros((8, 8, 3), np.uint8)
    half[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise brings it upright
    Image.fromarray(half).save("turned.jpg", exif=exif, quality=100)
    upright, stored = read_image("turned.jpg", 8, 1)[0], read_image("turned.jpg", 8, 1, Reading(exif_orientation=False))[0]
    assert upright[:3].min() > 200
    assert upright[5:].max() < 50
    assert stored[:, :3].min() > 200


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_show_the_background(mode):
    cut = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    cut.paste((255, 0, 0, 255), (0, 0, 4, 8))
    cut.convert(mode).save("cut.png")
    white, black = read_image("cut.png", 8, 3), read_image("cut.png", 8, 3, Reading(background=(0, 0, 0)))
    assert white[:, :, 6].unique().tolist() == [255]
    assert black[:, :, 6].unique().tolist() == [0]
    assert torch.equal(white[:, :, 1], black[:, :, 1])


@pytest.mark.parametrize("mode", ["CMYK", "P", "1", "LAB", "YCbCr", "HSV"])
def test_other_colours_are_converted(mode):
    suffix = "tif" if mode in ("LAB", "YCbCr", "HSV", "CMYK") else "png"
    try:
        Image.fromarray(PIXELS).convert(mode).save(f"other.{suffix}")
    except (ValueError, OSError):
        pytest.skip(f"Pillow writes no {mode}")
    try:
        assert read_image(f"other.{suffix}", 8, 3).shape == (3, 8, 8)
    except ValueError as error:
        assert "cannot read image" in str(error)  # noqa: PT017


def ramp(high: float, kind: type) -> np.ndarray:
    return np.linspace(0, high, 64).reshape(8, 8).astype(kind)


@pytest.mark.parametrize(
    ("high", "kind", "suffix"), [(4095, np.uint16, "png"), (1, np.float32, "tif"), (3000, np.int32, "tif")]
)
def test_more_than_eight_bits_are_scaled_by_the_sets_range(high, kind, suffix, image_folder):
    root = image_folder("images", size=8)
    Image.fromarray(ramp(high, kind)).save(odd(root, f"a.{suffix}"))
    Image.fromarray(ramp(high / 2, kind)).save(root / f"test/cat/b.{suffix}")
    data = ImageFolder(str(root), image_size=8, channels=1, forget="cat")
    train, test = data.split("forget"), data.split("test_forget")
    assert train.images[train.positions][-1].max() == 255
    assert 126 <= test.images[test.positions][-1].max() <= 129, "as dark as it is in this set"
    note = "integers" if kind is not np.float32 else "floats"
    assert data.inventory()["notes"] == [f"2 pictures of more than 8 bits ({note}): 0 is black and {high:g} white"]
    given = ImageFolder(str(root), image_size=8, channels=1, forget="cat", pixel_range=[0, 2 * high]).split("forget")
    assert 126 <= given.images[given.positions][-1].max() <= 129


def write_deep_png(path: Path, values: np.ndarray) -> None:
    """Colours of 16 bits, which Pillow does not write."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_of_sixteen_bits_are_not_near_black(channels, image_folder):
    root = image_folder("images", size=8)
    values = np.repeat(ramp(4095, np.uint16)[..., None], channels, 2)
    if channels != 3:
        values[..., -1] = 65535
    write_deep_png(odd(root), values)
    assert inspect(odd(root)).depth == "integers"
    train = ImageFolder(str(root), image_size=8, forget="cat").split("forget")
    image = train.images[train.positions][-1]
    assert (image.min(), image.max()) == (0, 255)


def test_pixels_that_are_no_numbers_are_refused(image_folder):
    root = image_folder("images")
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(odd(root, "odd.tif"))
    with pytest.raises(ValueError, match=r"odd.tif \(pixels that are not finite numbers\)"):
        ImageFolder(str(root), forget="cat").split("train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": [255, 255]}, "--data.background is red, green and blue"),
        ({"background": [0, 0, 300]}, "--data.background is red, green and blue"),
        ({"pixel_range": [4095]}, "--data.pixel_range is two numbers"),
        ({"pixel_range": [10, 10]}, "--data.pixel_range is two numbers"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ImageFolder("images", **options)


def test_the_notes_count_what_was_done(image_folder):
    root = image_folder("images")
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(PIXELS).save(odd(root, "turned.jpg"), exif=exif)
    Image.new("RGBA", (8, 8)).save(odd(root, "cut.png"))
    assert ImageFolder(str(root), forget="cat").inventory()["notes"] == [
        "1 pictures turned as their EXIF says",
        "1 pictures with transparency on a background of [255, 255, 255]",
    ]
