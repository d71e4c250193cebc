"""Divide the rows of a manifest into a training and a test split."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from oro_unlearn.graph import CaptionReader, Captions, Concept
from oro_unlearn.graph.wording import wording_key
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.relations.manifest import Row

MANY = 10  # pictures with the same caption; a caption of more pictures describes a kind of picture


def deal_out(rows: Sequence["Row"], reader: CaptionReader, test_share: float) -> list["Row"]:
    """Give every row a split. If none is stated, the picture's content decides.

    No picture is in both splits, and no caption that distinguishes pictures is. Pictures that share such a caption can look the
    same, as in a burst; in both splits, they would measure what was trained on. A caption does not distinguish pictures if it
    says no more than the tuple, or if all pictures of a tuple or more than ten pictures have it.

    Args:
        rows: Rows; an empty split is to be chosen.
        reader: Recognises captions that state only the tuple.
        test_share: Fraction of the rows without a split that becomes the test split.

    Raises:
        UserError: If a picture, or a distinguishing caption of a row that states its tuple, is in both splits. The message
            names the lines.
    """
    digests = [row.digest for row in rows]
    captions = telling(rows, reader)
    chosen = _with_splits(rows, digests, captions, test_share)
    _no_leak(chosen, digests, "picture")
    _no_leak(chosen, [key if row.reading == "stated" else "" for key, row in zip(captions, rows, strict=True)], "caption")
    return chosen


def telling(rows: Sequence["Row"], reader: CaptionReader) -> list[str]:
    """For each row, the key of its caption if the caption distinguishes its picture from others of the tuple; otherwise empty.

    Args:
        rows: Rows of all splits.
        reader: Recognises captions that state only the tuple.
    """
    captions, objects = Captions(reader.graph), reader.graph.objects
    keys = [wording_key(row.caption) for row in rows]
    shown: dict[Concept, set[str]] = {}  # pictures by concept
    having: dict[str, set[str]] = {}  # pictures by caption
    for row, key in zip(rows, keys, strict=True):
        shown.setdefault(row.concept, set()).add(row.digest)
        having.setdefault(key, set()).add(row.digest)

    def tells(row: "Row", key: str) -> bool:
        if row.reading == "read" or len(having[key]) > MANY:
            return False
        if len(row.concept) == 1 and row.concept[0] not in objects:
            return True
        match = reader.read(row.caption)
        only_tuple = (match and match.concept == row.concept) or key == wording_key(captions.plain(row.concept))
        return not only_tuple and not (len(shown[row.concept]) > 1 and shown[row.concept] <= having[key])

    return [key if key and tells(row, key) else "" for row, key in zip(rows, keys, strict=True)]


def without_shared(rows: Sequence["Row"], is_free: Callable[[Concept], bool]) -> tuple[list["Row"], list[str]]:
    """Remove trained captions from test rows. Their pictures are measured with the graph's captions instead.

    Args:
        rows: Rows with their splits.
        is_free: Whether a concept is a caption that names nothing of the graph. It has no other caption, and stays.

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
    """Give rows the same split if they share a picture, or a caption that distinguishes pictures."""
    first: dict[tuple[str, str], int] = {}  # first row by picture or caption
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
    """Raise an error if a key is in both splits, because the test would measure what was trained on."""
    first: dict[str, Row] = {}
    for row, key in zip(rows, keys, strict=True):
        other = first.setdefault(key, row) if key else row
        if other.split != row.split:
            line = f"line {other.line}" if other.table == row.table else other.where
            raise UserError(f"{row.where}: the same {what} is in train and test (see {line}): give both the same split")
