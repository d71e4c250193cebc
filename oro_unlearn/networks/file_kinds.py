"""The kind of a file, from its first bytes, and what to do with a file that holds no PyTorch weights."""

import shlex
import zipfile
from pathlib import Path

from oro_unlearn.files import one_line, shortened
from oro_unlearn.user_error import UserError

FIRST = 4096  # number of bytes that are read to tell the kind
SAFETENSORS, TORCH_ZIP, TORCH_LEGACY, TORCHSCRIPT, PICKLE, INDEX = "safetensors", "zip", "legacy", "script", "pickle", "index"
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # of torch.save before 1.6
AGAIN = "download it again"
FROM_PYTORCH = "load the model in PyTorch where it came from, and run torch.save(model.state_dict(), 'weights.pt') there"
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (  # first bytes, kind of file, and what the user can do
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the weights", "fetch them with: git lfs pull"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them", FROM_PYTORCH),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with: {unpack}"),
    (b"BZh", "compressed with bzip2", "unpack it with: {unpack}"),
    (b"\xfd7zXZ\x00", "compressed with xz", "unpack it with: {unpack}"),
    (b"(\xb5/\xfd", "compressed with zstd", "unpack it with: unzstd {path}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with: 7z x {path}"),
    (b"Rar!", "a RAR archive", "unpack it with: unrar x {path}"),
    (b"\x93NUMPY", "a NumPy array", FROM_PYTORCH),
    (b"GGUF", "a GGUF file", "take the model's .safetensors file instead"),
    (b"\x89PNG", "a picture", "name the file of the weights"),
    (b"\xff\xd8\xff", "a picture", "name the file of the weights"),
    (b"%PDF", "a PDF", "name the file of the weights"),
)
HTML = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<error")


def file_kind(path: Path) -> str:
    """Tell from its first bytes how a file of weights must be read.

    Args:
        path: A file; its suffix is not trusted.

    Returns:
        One of ``SAFETENSORS``, ``TORCH_ZIP``, ``TORCH_LEGACY``, ``TORCHSCRIPT``, ``PICKLE``, ``INDEX``.

    Raises:
        UserError: If it holds no weights that can be read here. The message names the kind of file and what to do.
    """
    with path.open("rb") as file:
        first = file.read(FIRST)
    if len(first) > 8 and first[8:9] == b"{" and int.from_bytes(first[:8], "little") < 2**40:
        return SAFETENSORS
    if first.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    if first.startswith(LEGACY_MAGIC):
        return TORCH_LEGACY
    if first.startswith(b"{") and b'"weight_map"' in path.read_bytes():
        return INDEX
    what, way = _foreign(first, path)
    if what:
        raise UserError(f"{path} cannot be read as a checkpoint: it is {what}; {way}")
    return SAFETENSORS if path.suffix == ".safetensors" else PICKLE


def _zip_kind(path: Path) -> str:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise UserError(f"{path} cannot be read as a checkpoint: it ends too early or is damaged; {AGAIN}") from None
    inner = [name.partition("/")[2] for name in names]
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return TORCHSCRIPT
    if "data.pkl" in inner:
        return TORCH_ZIP
    if "model.weights.h5" in names:
        what, way = "a Keras model", FROM_PYTORCH
    elif any(name.endswith(("serialized_exported_program.json", "models/model.json")) for name in names):
        what, way = "a program of torch.export", FROM_PYTORCH
    elif any(name.endswith(".npy") for name in names):
        what, way = "a set of NumPy arrays (.npz)", FROM_PYTORCH
    else:
        shown = shortened(" ".join(ascii(name)[1:-1] for name in names[:2]), 120)
        what = f"a zip archive of {len(names)} files ({shown})"
        way = f"unpack it with: unzip {shlex.quote(str(path))}, and name the file of the weights"
    raise UserError(f"{path} cannot be read as a checkpoint: it is {what}; {way}")


def _foreign(first: bytes, path: Path) -> tuple[str, str]:
    """The kind of a file from another program, and what to do; two empty texts if the kind is not known."""
    quoted = shlex.quote(str(path))
    if not first:
        return "empty", "the download or copy broke off: get it again"
    for beginning, what, way in BEGINNINGS:
        if first.startswith(beginning):
            tar = path.name.endswith((".tgz", ".tar.gz", ".tar.bz2", ".tar.xz"))
            return what, way.format(path=quoted, unpack=f"tar xf {quoted}" if tar else f"{_program(first)} {quoted}")
    if first[257:262] == b"ustar":
        return "a tar archive", f"unpack it with: tar xf {quoted}, and name the file of the weights"
    if first.lstrip().lower().startswith(HTML):
        return "a web page (a login or error page was saved in its place)", AGAIN
    return _of_a_graph(first, path) or _text(first)


def _of_a_graph(first: bytes, path: Path) -> tuple[str, str] | None:
    """Recognise a network of TensorFlow or ONNX."""
    if first[4:8] == b"TFL3":
        return "a TensorFlow Lite model", FROM_PYTORCH
    if first[:1] == b"\x08" and first[1:2] < b"\x20" and first[2:3] in (b"\x12", b"\x1a", b":", b"B"):
        kind = "a TensorFlow graph" if path.suffix == ".pb" or first[1:2] == b"\x01" else "an ONNX model"
        return kind, f"it has lost the layers' names: {FROM_PYTORCH}"
    return None


def _program(first: bytes) -> str:
    return "gunzip" if first[:1] == b"\x1f" else "bunzip2" if first[:1] == b"B" else "unxz"


def _text(first: bytes) -> tuple[str, str]:
    """Describe a file that holds only readable characters: no checkpoint does."""
    try:
        text = first[:512].decode("ascii")
    except UnicodeDecodeError:
        return "", ""
    if not all(letter.isprintable() or letter.isspace() for letter in text):
        return "", ""
    return f"text that begins with {one_line(text, 40)!r}", f"name the file of the weights, or {AGAIN}"
