"""Which rows of a manifest are trained on, and which are measured."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from oro_unlearn.graph import CaptionReader, Captions, Concept
from oro_unlearn.graph.wording import wording_key
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.relations.manifest import Row

MANY = 10  # pictures with the same caption: more, and it describes a kind of picture


def deal_out(rows: Sequence["Row"], reader: CaptionReader, test_share: float) -> list["Row"]:
    """Give every row a split, by the pictures' content where none is stated.

    The same picture is never in both splits, nor is a caption that tells pictures apart: one of a few pictures that look the
    same, as a burst has, would measure what was trained on. A caption that says no more than the tuple, or that all pictures
    of a tuple or more than ten have, tells nothing apart.

    Args:
        rows: With an empty split where it is to be chosen.
        reader: Tells which captions say the tuple alone.
        test_share: Part of the others that becomes the test split.

    Raises:
        UserError: If the same picture, or such a caption in a row that states its tuple, is in both; it names the lines.
    """
    digests = [row.digest for row in rows]
    captions = telling(rows, reader)
    chosen = _with_splits(rows, digests, captions, test_share)
    _no_leak(chosen, digests, "picture")
    _no_leak(chosen, [key if row.reading == "stated" else "" for key, row in zip(captions, rows, strict=True)], "caption")
    return chosen


def telling(rows: Sequence["Row"], reader: CaptionReader) -> list[str]:
    """Of every row the key of its own caption if that tells its picture from others of its tuple; else empty.

    Args:
        rows: Of all splits.
        reader: Tells which captions say the tuple alone.
    """
    captions, objects = Captions(reader.graph), reader.graph.objects
    keys = [wording_key(row.caption) for row in rows]
    shown: dict[Concept, set[str]] = {}  # pictures
    having: dict[str, set[str]] = {}  # pictures by caption
    for row, key in zip(rows, keys, strict=True):
        shown.setdefault(row.concept, set()).add(row.digest)
        having.setdefault(key, set()).add(row.digest)

    def tells(row: "Row", key: str) -> bool:
        if row.reading == "read" or len(having[key]) > MANY:
            return False
        if len(row.concept) == 1 and row.concept[0] not in objects:
            return True
        found = reader.read(row.caption)
        said = (found and found.concept == row.concept) or key == wording_key(captions.plain(row.concept))
        return not said and not (len(shown[row.concept]) > 1 and shown[row.concept] <= having[key])

    return [key if key and tells(row, key) else "" for row, key in zip(rows, keys, strict=True)]


def without_shared(rows: Sequence["Row"], is_free: Callable[[Concept], bool]) -> tuple[list["Row"], list[str]]:
    """Measure no caption that is trained on: pictures of a tuple are measured with the graph's words instead.

    Args:
        rows: With their splits.
        is_free: Whether a concept is a caption that names nothing of the graph, and so has no other words.

    Returns:
        The rows, and the captions that are in both splits.
    """
    trained = {wording_key(row.caption) for row in rows if row.split == "train" and row.caption}
    changed, shared = [], {}
    for row in rows:
        again = row.split == "test" and bool(row.caption) and wording_key(row.caption) in trained
        if again:
            shared[wording_key(row.caption)] = row.caption
        changed.append(row._replace(caption="") if again and not is_free(row.concept) else row)
    return changed, list(shared.values())


def _with_splits(rows: Sequence["Row"], digests: Sequence[str], captions: Sequence[str], test_share: float) -> list["Row"]:
    """Rows that share a picture, or a caption that tells pictures apart, get the same one."""
    first: dict[tuple[str, str], int] = {}  # row by picture or caption
    leader = list(range(len(rows)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    for number, keys in enumerate(zip(digests, captions, strict=True)):
        for key in zip(("picture", "caption"), keys, strict=True):
            if key[1]:
                leader[lead(number)] = lead(first.setdefault(key, number))
    given: dict[int, str] = {}
    smallest: dict[int, str] = {}
    for number, (row, digest) in enumerate(zip(rows, digests, strict=True)):
        given[lead(number)] = given.get(lead(number)) or row.split
        smallest[lead(number)] = min(digest, smallest.get(lead(number), digest))
    drawn = {number: "test" if int(digest[:8], 16) / 16**8 < test_share else "train" for number, digest in smallest.items()}
    return [row._replace(split=row.split or given[lead(n)] or drawn[lead(n)]) for n, row in enumerate(rows)]


def _no_leak(rows: Iterable["Row"], keys: Iterable[str], what: str) -> None:
    """The same key in both splits would measure what was trained on."""
    first: dict[str, Row] = {}
    for row, key in zip(rows, keys, strict=True):
        other = first.setdefault(key, row) if key else row
        if other.split != row.split:
            line = f"line {other.line}" if other.table == row.table else other.where
            raise UserError(f"{row.where}: the same {what} is in train and test (see {line}): give both the same split")
