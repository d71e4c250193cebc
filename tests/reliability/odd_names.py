"""Names that are legal but unusual: they must work, and be shown unchanged."""

import json
import re
from functools import partial

from tests.reliability.attempts import BadInput, both, wrote
from tests.reliability.bad_graphs import MANIFEST, pictures
from tests.reliability.bad_pictures import IMAGES, folder
from tests.small_world import GRAPH

FOLDERS = {
    "a formula": r"$\frac{",
    "dollars": "5$ and 6$",
    "markup": "[bold red]",
    "an emoji's code": ":smile:",
    "HTML": "<script>alert(1)<",
    "a line break": "two\nlines",
    "a sequence of a terminal": "\x1b[31mred",
    "a direction mark": "\u202etxt.cat",
    "no UTF-8": b"caf\xe9".decode(errors="surrogateescape"),
    "braces": "{0} {name} %s",
    "a quote": 'it\'s "so"',
    "a pipe": "a|b",
    "YAML": "yes: [no, ~]",
    "leading dash": "--data.root",
    "the longest name": "z" * 255,
    "another alphabet": "猫",
}
OBJECTS = {
    "everything at once": r"$\frac{ [bold] <script> {0} %s | 猫 dog",
    "a long name": "dog" * 300,
    "YAML's words": "yes",
}


def shown(name: str) -> str:
    """A pattern of the name in what is printed."""
    text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)
    return r"\s*".join(map(re.escape, "".join(text[:59].split())))  # titles wrap


def class_folders(names: dict[str, str]) -> BadInput:
    """Class folders of these names, forgotten together: a title names up to five."""
    typed = all(name.isascii() for name in names.values())
    classes = sorted(["A", "B", *names.values()])
    request = ("--data.forget", json.dumps(list(names.values())))
    if not typed:  # a name that no keyboard has
        request = ("--data.forget", "[]", "--data.forget_index", json.dumps([classes.index(name) for name in names.values()]))
    pattern = "".join(f"(?=[\\s\\S]*{shown(name)})" for name in names.values())
    return BadInput(
        f"class folders: {', '.join(names)}", (*IMAGES, *request), pattern, folder("A", "B", *names.values()), works=True
    )


def quoted(name: str) -> str:
    """A name as YAML."""
    return json.dumps(name, ensure_ascii=False)


def graph_objects(names: dict[str, str]) -> BadInput:
    """Objects of the graph of these names, each in what is forgotten."""
    objects = "".join(f"  ? {quoted(name)}\n  : {{is_a: [agent]}}\n" for name in names.values())
    edges = "".join(
        f"  - {{subject: {quoted(name)}, relation: holding, object: ball, status: unsafe}}\n" for name in names.values()
    )
    changed = GRAPH.replace("  item:", f"{objects}  item:")
    changed = changed.replace("  - {edge: child eating hamburger, status: unsafe}\n", edges)
    shows = [("ball", "train"), ("adult holding ball", "train"), ("child eating apple", "train")]
    for name in names.values():
        shows += [(f"{name} holding ball", "train"), (f"{name} holding ball", "test"), (name, "train")]
        shows += [(f"{name} holding apple", "test")]
    rows = [{"image": f"{number}.png", "edge": edge, "split": split} for number, (edge, split) in enumerate(shows)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    files = both(partial(pictures, len(shows)), wrote("m.jsonl", lines), wrote("graph.yaml", changed))
    pattern = "".join(f"(?=[\\s\\S]*{shown(name)})" for name in names.values())
    words = (*MANIFEST, "--data.manifest", "m.jsonl")
    return BadInput(f"graph objects: {', '.join(names)}", words, pattern, files, works=True)


KINDS = {
    "names of class folders": [
        class_folders(dict(list(FOLDERS.items())[first : first + 4])) for first in range(0, len(FOLDERS), 4)
    ],
    "names of graph objects": [graph_objects(OBJECTS)],
}
