"""Names that are legal but unusual: they must work, and be shown unchanged."""

import json
import re

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


def graph_object(what: str, name: str) -> BadInput:
    """An object of the graph of this name, in what is forgotten."""
    quoted = json.dumps(name, ensure_ascii=False)
    changed = GRAPH.replace("  dog:", f"  {quoted}:" if len(name) < 100 else f"  ? {quoted}\n  :")
    edge = f"  - {{subject: {quoted}, relation: holding, object: ball, status: unsafe}}"
    changed = changed.replace("  - {edge: child eating hamburger, status: unsafe}", edge)
    shows = [(f"{name} holding ball", "train"), (f"{name} holding ball", "test"), (name, "train"), ("ball", "train")]
    shows += [("adult holding ball", "train"), ("child eating apple", "train"), (f"{name} holding apple", "test")]
    rows = [{"image": f"{number}.png", "edge": edge, "split": split} for number, (edge, split) in enumerate(shows)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    files = both(pictures, wrote("m.jsonl", lines), wrote("graph.yaml", changed))
    return BadInput(f"graph object: {what}", (*MANIFEST, "--data.manifest", "m.jsonl"), shown(name), files, works=True)


KINDS = {
    "names of class folders": [
        class_folders(dict(list(FOLDERS.items())[first : first + 4])) for first in range(0, len(FOLDERS), 4)
    ],
    "names of graph objects": [graph_object(what, name) for what, name in OBJECTS.items()],
}
