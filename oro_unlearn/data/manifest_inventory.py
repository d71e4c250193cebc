"""How the captions of a manifest were understood, for a person who must answer for it."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oro_unlearn.data.manifest import Manifest
from oro_unlearn.data.manifest_roles import Fitted, shown

if TYPE_CHECKING:
    from oro_unlearn.data.caption_tables import Table

EXAMPLES = 5


def caption_inventory(manifest: Manifest, used: Fitted) -> dict[str, Any]:
    """Tables, captions and splits, as JSON has them; of long lists the first few.

    Args:
        manifest: What the tables list.
        used: What of it is used.

    Returns:
        ``tables`` (file, encoding, delimiter, columns ignored), ``captions`` (rows by how they were understood, and examples
        with file and line), and ``split_from`` (rows by what said their split).
    """
    found = Counter(row.reading for row in used.rows)
    unread = list(dict.fromkeys(shown(row) for row in used.rows if row.reading == "unread"))
    examples = {
        "neutral": unread,
        "left_out": used.left_out,
        "without_caption": manifest.uncaptioned,
        "reworded": used.reworded,
        "in_both_splits": used.shared,
    }
    return {
        "tables": [_table(table) for table in manifest.tables],
        "captions": {
            "stated": found["stated"],
            "understood": found["read"],
            **{name: found["unread"] if name == "neutral" else len(rows) for name, rows in examples.items()},
            "examples": {name: _first(rows) for name, rows in examples.items() if rows},
        },
        "split_from": manifest.split_from,
    }


def _table(table: "Table") -> dict[str, Any]:
    return {
        "file": str(table.path),
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "ignored_columns": _first(table.ignored, 20),
    }


def _first(rows: Sequence[str], count: int = EXAMPLES) -> list[str]:
    return list(rows[:count])
