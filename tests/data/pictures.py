"""Folders of drawn pictures with a manifest, for the tests."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from oro_unlearn.data.scenes.renderer import render

Cells = dict[str, str]


def draw(path: Path, concept: tuple[str, ...] = ("ball",), seed: int = 0, context: str = "", style: str = "") -> Path:
    """One picture of 32 x 32 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(render(concept, np.random.default_rng(seed), context, style, size=32)).save(path)
    return path


def write_csv(path: Path, rows: Sequence[Cells]) -> Path:
    """A manifest with the columns that any row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[Cells]) -> Path:
    """The same, an object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_folder(root: Path) -> Path:
    """Pictures of the small world in every role, of what is forgotten also in places and in styles; ``manifest.csv``."""
    rows: list[Cells] = []

    def add(concept: tuple[str, ...], count: int, **cells: str) -> None:
        for _ in range(count):
            name = f"{len(rows)}.png"
            draw(root / name, concept, len(rows), cells.get("context", ""), cells.get("style", ""))
            rows.append({"image": name, "edge": " ".join(concept), **cells})

    add(("child", "eating", "hamburger"), 6, split="train", group="unsafe", licence="CC0", source="drawn")
    add(("child", "eating", "hamburger"), 3, split="test")
    add(("child", "eating", "hamburger"), 1, split="test", caption="a small boy with his mouth full of hamburger")
    for context in ("in a neon street", "in a snowy field"):
        add(("child", "eating", "hamburger"), 2, context=context)
    for style in ("sketch", "grey"):
        add(("child", "eating", "hamburger"), 2, style=style)
    for thing in ("child", "hamburger"):
        add((thing,), 3, split="train", group="nodes")
        add((thing,), 1, split="test")
    for listed in ("child eating apple", "child holding hamburger"):
        add(tuple(listed.split()), 4, split="train", group="edges")
        add(tuple(listed.split()), 1, split="test")
    for unlisted in ("adult eating hamburger", "child pointing at hamburger", "dog eating hamburger"):
        subject, *relation, thing = unlisted.split()
        add((subject, " ".join(relation), thing), 2, split="test")
    add(("dog", "holding", "ball"), 3, split="train", group="neutral")
    add(("adult", "holding", "ball"), 2, split="test")
    add(("dog", "holding", "apple"), 2, split="test", caption="our dog Rex, proud of an apple")
    for split, caption in (("train", "a landscape painting"), ("test", "a page of music")):
        add(("ball",), 1, split=split, group="neutral", caption=caption)
        rows[-1]["edge"] = ""
    write_csv(root / "manifest.csv", rows)
    return root
