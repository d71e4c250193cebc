"""What to forget: class names, class indices, or a file of sample indices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

Request = str | int | list[str | int]


def resolve_classes(request: Request, class_names: Sequence[str]) -> list[int]:
    """Turn names and indices into sorted class indices. A name wins over an index.

    Args:
        request: One class or several, by name or index.
        class_names: Names of all classes, in the order of their indices.

    Raises:
        ValueError: If a class does not exist, or if every class is named.

    Example:
        >>> resolve_classes(["cat", 2], ["bird", "cat", "dog"])
        [1, 2]
    """
    wanted = request if isinstance(request, list) else [request]
    names, classes = list(class_names), set()
    for item in wanted:
        text = str(item)
        if isinstance(item, int) and text not in names and any(name.isdecimal() and name[0] == "0" for name in names[1:]):
            raise ValueError(
                f"class names have leading zeros, and YAML reads {item} as a number: write --data.forget \"['...']\""
            )
        index = names.index(text) if text in names else int(text) if text.isdecimal() else -1
        if not 0 <= index < len(names):
            shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
            raise ValueError(
                f"forget class {_short(item)} does not exist; the classes are {shown} (indices 0 to {len(names) - 1})"
            )
        classes.add(index)
    if len(classes) == len(names):
        raise ValueError(
            f"all {len(names)} classes are to be forgotten, nothing is left to keep: name fewer with --data.forget"
        )
    return sorted(classes)


def _short(item: str | int) -> str:
    return repr(item) if isinstance(item, int) or len(item) <= 80 else repr(item[:80] + "...")


def resolve_all(requests: Sequence[Request], class_names: Sequence[str]) -> list[int]:
    """Sorted class indices of several requests together, of which any may be empty.

    Args:
        requests: As :func:`resolve_classes` takes one.
        class_names: Names of all classes, in the order of their indices.

    Raises:
        ValueError: As :func:`resolve_classes`.
    """
    named = [request if isinstance(request, list) else [request] for request in requests if request != ""]
    together = [item for items in named for item in items]
    return resolve_classes(together, class_names) if together else []


def read_indices(path: str | Path, size: int) -> list[int]:
    """Read positions of training samples from a file.

    Args:
        path: A text file of integers separated by white space, or a one-dimensional ``.npy`` of integers.
        size: Number of training samples.

    Returns:
        Sorted positions without repetitions.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it holds anything but integers from 0 to size - 1, or names every sample.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"file of sample indices {path} not found")
    try:
        values = (
            np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.array(path.read_text().split(), dtype=object)
        )
        indices = sorted({int(value) for value in values.ravel()})
        if values.dtype.kind == "f":
            raise ValueError("floating-point numbers")
    except (ValueError, EOFError, TypeError, OverflowError) as error:
        raise ValueError(f"{path} must hold integers, the positions of training samples: {str(error)[:200]}") from None
    if indices and not 0 <= indices[0] <= indices[-1] < size:
        raise ValueError(
            f"{path} names sample {str(indices[0] if indices[0] < 0 else indices[-1])[:80]}; there are {size} (0 to {size - 1})"
        )
    if len(indices) == size:
        raise ValueError(f"{path} names all {size} training samples, nothing is left to keep")
    return indices
