"""What to forget: classes by name, classes by index, or a file of sample indices."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

import numpy as np

from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

Request = str | list[str]
Indices = int | list[int]


def resolve_classes(names: Request, class_names: Sequence[str], indices: Indices = [], option: str = "forget") -> list[int]:  # noqa: B006
    """Convert names and indices to sorted class indices.

    A name is never read as an index. Names are compared in the Unicode form NFC.

    Args:
        names: Name or names of classes; empty for none.
        class_names: Names of all classes, in the order of their indices.
        indices: Index or indices of classes.
        option: Option that holds the names, for messages.

    Raises:
        UserError: If a class does not exist.

    Example:
        >>> resolve_classes(["cat"], ["bird", "cat", "dog"], 2)
        [1, 2]
    """
    known = {normalize("NFC", name): index for index, name in enumerate(class_names)}
    by_index = {known.get(normalize("NFC", name), -1): name for name in listed(names)}
    if -1 in by_index:
        raise UserError(_unknown(by_index[-1], class_names, option))
    numbers = indices if isinstance(indices, list) else [indices]
    outside = [number for number in numbers if not 0 <= number < len(class_names)]
    if outside:
        shown = shortened(outside[0])
        raise UserError(
            f"--data.forget_index {shown} is not a class: there are {len(class_names)}, 0 to {len(class_names) - 1}"
        )
    return sorted({*by_index, *numbers})


def listed(names: Request) -> list[str]:
    """Names of a request as a list. An empty string gives an empty list."""
    return [str(name) for name in (names if isinstance(names, list) else [names])] if names != "" else []


def _unknown(name: str, class_names: Sequence[str], option: str) -> str:
    shown = repr(shortened(name))
    line = f"{option} class {shown} does not exist; the classes are {some_of(class_names)}"
    close = get_close_matches(name[:200], class_names, 1)
    hint = f": did you mean {close[0]!r}?" if close else ""
    if option == "forget" and name.isdecimal() and len(name) < 10 and int(name) < len(class_names):
        hint = (
            f': for row {int(name)} of the head, which is {class_names[int(name)]!r}, write --data.forget_index "[{int(name)}]"'
        )
    return line + hint


def some_of(names: Sequence[str], count: int = 20) -> str:
    """The first ``count`` names as text, with the number of all names.

    Example:
        >>> some_of(["cat", "dog", "eel"], 2)
        'cat, dog, ... (3 in all)'
    """
    return ", ".join(names[:count]) + (f", ... ({len(names)} in all)" if len(names) > count else "")


def how_to_name(class_names: Sequence[str]) -> str:
    """Message for a user who has named nothing to forget.

    Example:
        >>> how_to_name(["cat", "dog"])
        'name what to forget with --data.forget "[cat]"; the classes are cat, dog'
    """
    return f'name what to forget with --data.forget "[{class_names[0]}]"; the classes are {some_of(class_names, 5)}'


def read_indices(path: str | Path, size: int) -> list[int]:
    """Read positions of training samples from a file.

    Args:
        path: A text file of integers separated by white space, or a one-dimensional ``.npy`` of integers.
        size: Number of training samples.

    Returns:
        Sorted positions without repetitions.

    Raises:
        UserError: If the file is missing, holds anything but integers from 0 to size - 1, or names every sample.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"file of sample indices {path} not found: set --data.forget_indices")
    try:
        values = (
            np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.array(path.read_text().split(), dtype=object)
        )
        indices = sorted({int(value) for value in values.ravel()})
        if values.dtype.kind == "f":
            raise UserError("floating-point numbers")
    except (ValueError, EOFError, TypeError, OverflowError) as error:
        raise UserError(f"{path} must hold integers, the positions of training samples: {shortened(error, 200)}") from None
    if indices and not 0 <= indices[0] <= indices[-1] < size:
        outside = shortened(indices[0] if indices[0] < 0 else indices[-1])
        raise UserError(f"{path} names sample {outside}; there are {size} (0 to {size - 1}): correct the file")
    if len(indices) == size:
        raise UserError(f"{path} names all {size} training samples, and nothing is left to keep: name fewer")
    return indices


def read_lines(path: str | Path, option: str) -> list[str]:
    """Non-blank lines of a text file, without surrounding white space.

    Args:
        path: Text in UTF-8, with or without a byte order mark.
        option: Option that names the file, for messages.

    Raises:
        UserError: If the file is missing or is not text.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} not found: set {option}")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as UTF-8, one name a line") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
