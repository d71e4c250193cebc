"""One relation that a picture shows, and what all readers of annotations share: names, fields and files."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

from oro_unlearn.files import shortened
from oro_unlearn.graph.wording import wording_key
from oro_unlearn.user_error import UserError

LARGEST = 512 * 2**20  # bytes of a file that is read as a whole
PIECE = 2**20  # characters that are read at once
LONGEST_ITEM = 64 * 2**20  # characters of one item of a list
BETWEEN = re.compile(r"[\s,]*")  # what stands between items
MOST_WORDS, MOST_CHARACTERS = 6, 100  # of a name
TYPES = {int: "a number", str: "text", list: "a list", dict: "an object"}
Kind = TypeVar("Kind", int, str, list, dict)
Named = TypeVar("Named")


class Annotation(NamedTuple):
    """One relation in one picture.

    Args:
        image: File name of the picture.
        subject: Name of the subject, as the data set writes it.
        relation: Name of the relation; empty if the entry states none.
        object: Name of the object.
        split: ``train`` or ``test``; empty if the name of the file does not say.
    """

    image: str
    subject: str
    relation: str
    object: str
    split: str

    @property
    def triple(self) -> tuple[str, str, str] | None:
        """The three names in lower case, without punctuation and articles; None if one is missing, too long or used twice."""
        names = [wording_key(name) for name in (self.subject, self.relation, self.object)]
        if not all(map(_usable, names)) or names[0] == names[2]:
            return None
        return names[0], names[1], names[2]


def _usable(name: str) -> bool:
    return 1 <= len(name.split()) <= MOST_WORDS and len(name) <= MOST_CHARACTERS and name.isprintable()


def field(entry: Any, key: str, kind: type[Kind], where: str) -> Kind:
    """A value of a JSON object.

    Args:
        entry: The JSON object.
        key: Its key.
        kind: Type of the value.
        where: File and entry, for errors.

    Raises:
        UserError: If the entry is no JSON object, has no such key, or the value has another type.
    """
    if not isinstance(entry, dict):
        raise UserError(f"{where} must be an object with the key {key!r}, not {shortened(json.dumps(entry), 40)}")
    if key not in entry:
        raise UserError(f"{where} has no key {key!r}; its keys: {shortened(', '.join(map(str, entry)) or 'none')}")
    value = entry[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{where}: {key!r} must be {TYPES[kind]}, not {shortened(json.dumps(value), 40)}")
    return value


def numbered(names: Sequence[Named], number: int, first: int, what: str, where: str) -> Named:
    """The name, or another thing, with a number.

    Args:
        names: The names, in the order of their numbers.
        number: A number.
        first: Number of the first name.
        what: What the number names, for errors.
        where: File and entry, for errors.

    Raises:
        UserError: If there is no such name.
    """
    if not first <= number < first + len(names):
        raise UserError(f"{where}: {what} {number} is none of the numbers {first} to {first + len(names) - 1} that have a name")
    return names[number - first]


def split_of(path: Path) -> str:
    """The split that the name of a file says: ``train``, ``test`` (also for validation), or "" for none."""
    name = path.name.lower()
    return "train" if "train" in name else "test" if "test" in name or "val" in name else ""


def one_file(files: Sequence[Path], word: str, what: str) -> Path:
    """The file whose name contains a word.

    Raises:
        UserError: If there is none, or if there are several.
    """
    found = [path for path in files if word in path.name.lower()]
    if len(found) != 1:
        given = ", ".join(path.name for path in files)
        raise UserError(f"one file with {what} is needed, whose name contains {word!r}; given: {shortened(given)}")
    return found[0]


def whole_json(path: Path) -> Any:
    """The content of a JSON file. Raises UserError if it is missing, larger than 512 MB, or no JSON."""
    check_file(path)
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} is larger than {LARGEST >> 20} MB: split it")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from None


def names_in(path: Path) -> list[str]:
    """The names in a JSON list. Raises UserError if the file is something else."""
    return names_of(whole_json(path), str(path))


def names_of(content: Any, where: str) -> list[str]:
    """Names of a JSON list. Raises UserError, which begins with ``where``, if it is something else."""
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{where} must be a list of names")
    return content


def list_items(path: Path) -> Iterator[tuple[str, Any]]:
    """Items of a JSON list, one after another, without reading the whole file.

    Yields:
        File and number of the item, from 0, for errors; and the item.

    Raises:
        UserError: If the file is missing, or is no list; the message names the item.
    """
    decoder, number = json.JSONDecoder(), 0
    with opened(path) as file:
        text, at_end = file.read(PIECE), False
        place = BETWEEN.match(text).end()  # type: ignore[union-attr]
        if not text.startswith("[", place):
            raise UserError(f"{path} must be a list, which begins with [")
        place += 1
        while True:
            place = BETWEEN.match(text, place).end()  # type: ignore[union-attr]
            if text.startswith("]", place):
                return
            where = f"{path}, entry {number}"
            try:
                item, end = decoder.raw_decode(text, place)
                complete = at_end or end < len(text)  # the digits of a number may go on
            except (json.JSONDecodeError, RecursionError) as error:
                complete = False
                if at_end or len(text) - place > LONGEST_ITEM:
                    raise UserError(f"{where} is not valid JSON, or the file ends before the list does: {error}") from None
            if complete:
                yield where, item
                place, number = end, number + 1
            else:
                more = file.read(max(PIECE, len(text) - place))
                text, place, at_end = text[place:] + more, 0, not more


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A text file to read; line ends are kept.

    Raises:
        UserError: If the file is missing, or if what is read in the block is not UTF-8.
    """
    check_file(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield file
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None


def check_file(path: Path) -> None:
    """Raise a UserError if there is no such file."""
    if not path.is_file():
        raise UserError(f"{path} not found: name the files of annotations")
