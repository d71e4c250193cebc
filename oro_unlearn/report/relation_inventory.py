"""Summary of the pictures and captions that were read, printed before a run and kept in its report."""

from collections.abc import Mapping
from typing import Any

from oro_unlearn.report.names import printable

CAPTIONS = {
    "stated": "tuples stated by the table",
    "understood": "captions read into tuples of the graph",
    "neutral": "captions that name no tuple, of neutral pictures",
    "left_out": "rows left out, since the caption may say what is to be forgotten but names no tuple",
    "without_caption": "rows left out for want of a caption",
    "reworded": "captions in the words of the other split, replaced by the graph's",
    "in_both_splits": "captions in both splits, of which pictures of tuples are measured with the graph's words",
}
SPLITS = {
    "column": "stated",
    "folder": "the folder",
    "condition": "a place or a style, which are measured",
    "content": "drawn here by the pictures' content",
}


def relation_inventory_lines(inventory: Mapping[str, Any]) -> list[str]:
    r"""Describe in lines what a relational data module has read.

    Args:
        inventory: Its ``inventory()``.

    Example:
        >>> lines = relation_inventory_lines({
        ...     "name": "relation_pairs", "forget": ["child eating hamburger"], "image_size": 224,
        ...     "pictures": {"train": {"unsafe": 6, "edges": 8}, "test": {"unsafe": 3}},
        ...     "tables": [{"file": "captions.csv", "encoding": "utf-8", "delimiter": "comma", "ignored_columns": ["width"]}],
        ...     "captions": {"understood": 16, "neutral": 1, "examples": {"neutral": ["captions.csv:4: 'a harbour'"]}},
        ...     "split_from": {"column": 17}, "licences": {"CC0": 17},
        ... })
        >>> print("\n".join(lines))
        relation_pairs: 17 pictures of 224 x 224 pixels; to forget: child eating hamburger (6 trained on, 3 measured)
          train: 14 (6 unsafe, 8 edges)
          test: 3 (3 unsafe)
          captions.csv: utf-8, comma; columns ignored: width
          captions read into tuples of the graph: 16
          captions that name no tuple, of neutral pictures: 1
            captions.csv:4: 'a harbour'
          split from: stated (17)
          licences: CC0 (17)
    """
    pictures = inventory["pictures"]
    counts = {split: sum(found.values()) for split, found in pictures.items()}
    forgotten = ", ".join(inventory["forget"])
    unsafe = [pictures[split].get("unsafe", 0) for split in ("train", "test")]
    side = inventory.get("image_size")
    lines = [
        f"{inventory['name']}: {sum(counts.values())} pictures{f' of {side} x {side} pixels' if side else ''}; "
        f"to forget: {forgotten} ({unsafe[0]} trained on, {unsafe[1]} measured)"
    ]
    lines += [f"  {split}: {counts[split]} ({_listed(pictures[split])})" for split in ("train", "test")]
    for table in inventory.get("tables", ()):
        form = ", ".join(part for part in (table["encoding"], table["delimiter"]) if part)
        ignored = ", ".join(table["ignored_columns"])
        lines.append(f"  {table['file']}{f': {form}' if form else ''}{f'; columns ignored: {ignored}' if ignored else ''}")
    lines += _captions(inventory.get("captions", {}))
    splits = ", ".join(f"{SPLITS[name]} ({count})" for name, count in inventory.get("split_from", {}).items())
    licences = ", ".join(f"{name} ({count})" for name, count in inventory.get("licences", {}).items())
    named = {"split from": splits, "licences": licences}
    return [printable(line) for line in (*lines, *(f"  {name}: {text}" for name, text in named.items() if text))]


def _captions(captions: Mapping[str, Any]) -> list[str]:
    """How many captions were understood in each way, with examples."""
    lines = []
    for name, meaning in CAPTIONS.items():
        if captions.get(name):
            lines.append(f"  {meaning}: {captions[name]}")
            lines += [f"    {example}" for example in captions.get("examples", {}).get(name, ())]
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
