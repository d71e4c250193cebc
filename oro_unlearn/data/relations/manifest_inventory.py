"""Summary of how the captions of a manifest were understood, for the user to check."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oro_unlearn.data.relations.manifest import Manifest, Row
from oro_unlearn.data.relations.manifest_roles import Fitted

if TYPE_CHECKING:
    from oro_unlearn.data.relations.caption_tables import Table

EXAMPLES = 5  # most captions of a kind
COLUMNS = 20  # most names of ignored columns
LONGEST = 80  # letters of a caption


def caption_inventory(manifest: Manifest, used: Fitted) -> dict[str, Any]:
    """Tables, captions and splits, as JSON-serialisable values. Long lists are cut to their first items.

    Args:
        manifest: Contents of the tables.
        used: The rows that are used, and the rows that were left out or changed.

    Returns:
        ``tables`` (file, encoding, delimiter, columns ignored), ``captions`` (number of rows by how they were understood, and
        examples with file and line), and ``split_from`` (number of rows by source of their split).
    """
    readings = Counter(row.reading for row in used.rows)
    listed: dict[str, tuple[int, list[str]]] = {
        "neutral": (readings["unread"], examples([row for row in used.rows if row.reading == "unread"])),
        "left_out": (len(used.left_out), examples(used.left_out)),
        "without_caption": (len(manifest.uncaptioned), manifest.uncaptioned[:EXAMPLES]),
        "reworded": (len(used.reworded), examples(used.reworded)),
        "in_both_splits": (len(used.shared), [repr(text[:LONGEST]) for text in used.shared[:EXAMPLES]]),
    }
    return {
        "tables": [_table(table) for table in manifest.tables],
        "captions": {
            "stated": readings["stated"],
            "understood": readings["read"],
            **{name: count for name, (count, _) in listed.items()},
            "examples": {name: few for name, (_, few) in listed.items() if few},
        },
        "split_from": manifest.split_from,
    }


def _table(table: "Table") -> dict[str, Any]:
    return {
        "file": str(table.path),
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "ignored_columns": table.ignored[:COLUMNS],
    }


def examples(rows: Sequence[Row]) -> list[str]:
    """The first few captions with file and line, and how many rows have them.

    Args:
        rows: Rows of one kind.
    """
    first = {row.caption: row for row in reversed(rows)}
    counts = Counter(row.caption for row in rows)
    few = [(first[caption], count) for caption, count in list(counts.items())[:EXAMPLES]]
    return [f"{row.where}: {row.caption[:LONGEST]!r}{f' ({count} rows)' if count > 1 else ''}" for row, count in few]
