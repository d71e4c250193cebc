"""Bad image folders, class lists and files of sample indices."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from oro_unlearn.networks import save_weights
from tests.reliability.attempts import DIGITS, BadInput, both, weights, wrote

IMAGES = (
    *DIGITS,
    "--data",
    "ImageFolder",
    "--data.root",
    "images",
    "--data.forget",
    "[cat]",
    "--model.original",
    "images.safetensors",
)
IMAGES = (*IMAGES, "--model.network.init_args.in_channels", "3")
PLACE = Path("images/train/cat/odd.png")


def pixels(seed: int = 0) -> Image.Image:
    """A picture of 8 x 8 pixels."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8))


def folder(*names: str, parts: tuple[str, ...] = ("train", "test")) -> Callable[[], object]:
    """A preparation that writes an image folder, and weights of a network for it."""
    names = names or ("cat", "dog", "eel")

    def prepare() -> None:
        for part in parts:
            for number, name in enumerate(names):
                Path("images", part, name).mkdir(parents=True)
                for count in range(2):
                    pixels(number * 2 + count).save(Path("images", part, name, f"{count}.png"))
        save_weights(weights(len(names), 3), "images.safetensors")

    return prepare


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def claimed(width: int, height: int) -> bytes:
    """A PNG that claims a size and has almost no data."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def picture(name: str, content: bytes, message: str = "RWFT", place: Path = PLACE, works: bool = False) -> BadInput:
    """One more picture in a class folder."""
    return BadInput(name, IMAGES, message, both(folder(), wrote(str(place), content)), works=works)


def images(name: str, message: str, prepare: Callable[[], object], *words: str) -> BadInput:
    """An image folder that is wrong as a whole."""
    return BadInput(name, (*IMAGES, *words), message, prepare)


def indices(name: str, content: str | bytes, message: str, path: str = "some.txt") -> BadInput:
    """A file of sample indices."""
    words = (*DIGITS, "--model", "FineTune", "--data.forget", "[]", "--data.forget_indices", path)
    return BadInput(name, words, message, wrote(path, content))


def array(values: object) -> bytes:
    """An array as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, np.asarray(values), allow_pickle=True)
    return file.getvalue()


def floats(value: float) -> bytes:
    """A TIFF of float pixels, one of them odd."""
    values = np.full((8, 8), 100.0, np.float32)
    values[2, 3] = value
    return encoded(Image.fromarray(values), "TIFF")


def sixteen() -> Image.Image:
    """16-bit grey."""
    return Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)


def animated() -> bytes:
    """A GIF of three pictures."""
    return encoded(pixels(), "GIF", save_all=True, append_images=[pixels(1), pixels(2)])


def see_through() -> bytes:
    """A palette with transparent colours."""
    return encoded(pixels().convert("P"), transparency=b"\x00\x80\xff")


CUT = encoded(pixels())[:80]
UNREADABLE = r"1 file in a class folder is not read, for instance images/train/cat/odd\.\w+ \(.*\): repair, convert or remove"
PICTURES = [
    picture("truncated PNG", CUT, UNREADABLE),
    picture("truncated JPEG", encoded(pixels(), "JPEG")[:300], UNREADABLE, PLACE.with_suffix(".jpg")),
    picture("PNG of a wrong checksum", encoded(pixels()).replace(b"IDAT", b"IDAX"), UNREADABLE),
    picture("text named .png", b"no picture", UNREADABLE),
    picture("empty file", b"", UNREADABLE),
    picture("a huge claimed size", claimed(100_000, 100_000), UNREADABLE),
    picture("the largest claimed size", claimed(2**31 - 1, 2**31 - 1), UNREADABLE),
    picture("a large claimed size and no data", claimed(10_000, 10_000), UNREADABLE),
    picture("no width", claimed(0, 5), UNREADABLE),
    picture("a strip of one pixel's width", encoded(Image.new("RGB", (1, 3000))), works=True),
    picture("an extreme strip", encoded(Image.new("L", (1, 10_000_000))), works=True),
    picture("an extreme strip across", encoded(Image.new("1", (10_000_000, 1))), works=True),
    picture("SVG named .png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", UNREADABLE),
    picture("PostScript named .png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(x) run\n", UNREADABLE),
    picture("NaN pixels", floats(np.nan), UNREADABLE, PLACE.with_suffix(".tif")),
    picture("infinite pixels", floats(np.inf), UNREADABLE, PLACE.with_suffix(".tif")),
    picture("float pixels", floats(1.0), place=PLACE.with_suffix(".tif"), works=True),
    picture("a drawing in a class folder", b"drawn", UNREADABLE, PLACE.with_suffix(".ai")),
    picture("16 bits", encoded(sixteen()), works=True),
    picture("CMYK", encoded(pixels().convert("CMYK"), "JPEG"), place=PLACE.with_suffix(".jpg"), works=True),
    picture("a palette with alpha", see_through(), works=True),
    picture("grey with alpha", encoded(pixels().convert("LA")), works=True),
    picture("1 bit", encoded(pixels().convert("1")), works=True),
    picture("an animated GIF named .png", animated(), works=True),
    picture(
        "Lab",
        encoded(pixels().convert("HSV").convert("RGB").convert("LAB"), "TIFF"),
        "RWFT|cannot read",
        PLACE.with_suffix(".tif"),
        works=True,
    ),
    BadInput("a folder named .png", IMAGES, "RWFT", both(folder(), PLACE.mkdir), works=True),
    images("a link to itself named .png", "odd.png|Too many levels", both(folder(), lambda: PLACE.symlink_to("odd.png"))),
    images("a dangling link named .png", UNREADABLE, both(folder(), lambda: PLACE.symlink_to("nope.png"))),
]


def emptied(place: str) -> Callable[[], object]:
    """A preparation with a class folder that holds no pictures."""
    return both(folder(), lambda: [path.unlink() for path in Path(place).iterdir()])


FOLDERS = [
    images("no folder", "image folder images not found|image folder .*images not found", folder(parts=())),
    images("an empty folder", "no images in class folders under images", lambda: Path("images").mkdir()),
    images("an empty train folder", "no images in class folders", lambda: Path("images/train").mkdir(parents=True)),
    images("a file in the place of the folder", "image folder .*images not found", wrote("images", "x")),
    images("a class without pictures", "no images in class folders under images/train.*dog", emptied("images/train/dog")),
    images("a test class without pictures", "no images in class folders under images/test.*dog", emptied("images/test/dog")),
    images(
        "other classes in test",
        "train and test hold different classes, for instance 'dog'",
        both(folder(), lambda: Path("images/test/dog").rename("images/test/owl")),
    ),
    images(
        "a class missing in test",
        "train and test hold different classes, for instance 'fox'",
        both(folder("cat", "dog", "eel"), folder("fox", parts=("train",))),
    ),
    images("one class alone", "all 1 classes are to be forgotten", folder("cat")),
    images(
        "a folder beside train", "the folder 'more' beside train, which is not a split", folder(parts=("train", "test", "more"))
    ),
    images("no training folder", "the split 'test' and no training folder", folder(parts=("test",))),
    images(
        "pictures without class folders", "no images in class folders under images", wrote("images/a.png", encoded(pixels()))
    ),
    images("too few pictures to split", "cannot be split", folder(parts=("",)), "--data.test_fraction", "0.9"),
    images("a test fraction of 2", "test_fraction|cannot be split", folder(parts=("",)), "--data.test_fraction", "2"),
    images("an image size of 0", "image_size", folder(), "--data.image_size", "0"),
    images("a negative image size", "image_size", folder(), "--data.image_size", "-3"),
    images("a deviation of 0", "std|diverged", folder(), "--data.std", "[0, 0, 0]"),
    images("a mean of text", "mean", folder(), "--data.mean", "[a, b, c]"),
    images("two means for three channels", "mean", folder(), "--data.mean", "[0.5, 0.5]"),
    images(
        "a network of another number of classes",
        "the file's head has 10 classes, the data 3",
        both(folder(), lambda: save_weights(weights(10, 3), "images.safetensors")),
    ),
    images(
        "an unknown class",
        "forget class 'cow' does not exist; the classes are cat, dog, eel",
        folder(),
        "--data.forget",
        "[cow]",
    ),
    images(
        "class names that are not printable",
        r"forget class 'x' does not exist",
        folder("a\x1b[31m", "b\u202e", "c"),
        "--data.forget",
        "[x]",
    ),
]
INDICES = [
    BadInput(
        "no file of indices",
        (*DIGITS, "--model", "FineTune", "--data.forget", "[]", "--data.forget_indices", "nope.txt"),
        "file of sample indices nope.txt not found",
    ),
    BadInput("classes and indices", (*DIGITS, "--data.forget_indices", "nope.txt"), "either --data.forget or"),
    indices("an empty file of indices", "", "empty|some.txt"),
    indices("words as indices", "one two", "some.txt must hold integers"),
    indices("a float index", "1.5", "some.txt must hold integers"),
    indices("a negative index", "-3", "some.txt names sample -3"),
    indices("an index too large", "99999", "some.txt names sample 99999; there are"),
    indices("a huge index", "9" * 5000, "some.txt"),
    indices("indices in UTF-16", "1 2 3".encode("utf-16"), "some.txt"),
    indices("NUL bytes among indices", b"1 2 \x00 3", "some.txt must hold integers"),
    indices("all indices", " ".join(map(str, range(5000))), "some.txt names sample 4999"),
    indices("an array of objects", array(np.array([{"a": 1}], dtype=object)), "some.npy must hold integers", "some.npy"),
    indices("an array of floats", array([1.0, 2.0]), "some.npy must hold integers", "some.npy"),
    indices("an array of NaN", array([np.nan]), "some.npy must hold integers", "some.npy"),
    indices("a truncated array", array([1, 2, 3])[:40], "some.npy", "some.npy"),
    indices("text named .npy", "1 2 3", "some.npy", "some.npy"),
    indices("an empty .npy", "", "some.npy", "some.npy"),
    indices("an array of text", array(["a", "b"]), "some.npy", "some.npy"),
    indices("an array of dates", array(np.array(["2020-01-01"], dtype="datetime64[D]")), "some.npy", "some.npy"),
]
KINDS = {"pictures": PICTURES, "image folders": FOLDERS, "sample indices": INDICES}
