"""Bad relation graphs, manifests and captions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.reliability.attempts import BadInput, both, wrote
from tests.reliability.bad_configs import BOMB, SCENES
from tests.reliability.bad_pictures import claimed, encoded, floats, pixels
from tests.small_world import GRAPH, write_graph

Prepare = Callable[[], object]
MANIFEST = (
    *SCENES,
    "--data",
    "RelationPairs",
    "--data.root",
    "pictures",
    "--data.manifest",
    "m.csv",
    "--data.image_size",
    "64",
    *("--force", "true"),  # the original's weights are random
)
EATING = "child eating hamburger"
ROWS = "".join(
    f"{number}.png,{edge},{split},\n"
    for number, (edge, split) in enumerate(
        [
            *(
                (EATING, "train"),
                (EATING, "test"),
                ("child", "train"),
                ("hamburger", "train"),
                ("adult eating hamburger", "test"),
            ),
            *(("dog holding ball", "train"), ("child eating apple", "train"), ("dog holding apple", "test")),
        ]
    )
)
HEADER = "image,edge,split,caption\n"


def graph(name: str, content: str | bytes, message: str, works: bool = False) -> BadInput:
    """A graph's file."""
    return BadInput(f"graph: {name}", SCENES, message, wrote("graph.yaml", content), works=works)


def altered(name: str, old: str, new: str, message: str) -> BadInput:
    """The small world's graph with one passage replaced."""
    assert old in GRAPH
    return graph(name, GRAPH.replace(old, new), message)


def pictures(count: int = 8) -> None:
    """The small world's graph, and pictures for the manifest."""
    write_graph()
    Path("pictures").mkdir()
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(noise).save(f"pictures/{number}.png")
    pixels().save("outside.png")


def manifest(name: str, content: str | bytes, message: str, more: Prepare = lambda: None, path: str = "m.csv") -> BadInput:
    """A manifest next to good pictures."""
    words = (*MANIFEST, "--data.manifest", path)
    return BadInput(f"manifest: {name}", words, message, both(pictures, more, wrote(path, content)))


def row(name: str, line: str, message: str, more: Prepare = lambda: None) -> BadInput:
    """One bad row after good ones."""
    return manifest(name, f"{HEADER}{ROWS}{line}\n", message, more)


UNREADABLE = r"m\.csv:10: cannot read image 'pictures/odd.png' \(.*\): repair or remove it"
GRAPHS = [
    BadInput("graph: missing", (*SCENES, "--data.graph", "nope.yaml"), "no graph file nope.yaml"),
    BadInput("graph: a folder", (*SCENES, "--data.graph", "out"), "out is not a file: give the path of a graph's YAML"),
    BadInput("graph: a device", (*SCENES, "--data.graph", "/dev/zero"), "/dev/zero is not a file"),
    graph("empty", "", "graph.yaml:1: the graph is empty"),
    graph("a list", "- cat\n", "graph.yaml:1: the graph must be a mapping"),
    graph("no YAML", "objects: [\n", r"graph.yaml:\d: no valid YAML"),
    graph("aliases of aliases", BOMB, r"graph.yaml:\d: no valid YAML: aliases"),
    graph("code", "objects: !!python/object/apply:os.system ['touch code_ran']\n", "graph.yaml:1"),
    graph("no UTF-8", GRAPH.encode() + b"# \xff\n", "is not UTF-8"),
    graph("UTF-16", GRAPH.encode("utf-16"), "is not UTF-8"),
    graph("NUL bytes", GRAPH.encode() + b"\x00\n", "no valid YAML: special characters"),
    graph("a BOM", "\ufeff" + GRAPH, "RelationUnlearning", works=True),
    graph("deep nesting", "objects: " + "[" * 20_000, "nested too deeply"),
    graph("large", "#" * 2_100_000, "is larger than 2 MB"),
    altered("a key twice", "  adult:", "  dog: {}\n  adult:", r"graph.yaml:\d+: 'dog' is given twice in objects"),
    altered("a cycle", "agent: {abstract: true}", "agent: {is_a: child, abstract: true}", "is_a goes in a circle"),
    altered(
        "an unknown parent", "child: {is_a: [minor]", "child: {is_a: [minr]", "unknown object 'minr': did you mean 'minor'"
    ),
    altered("NaN for a flag", "symmetric: true", "symmetric: .nan", "symmetric of relation 'next to' must be true or false"),
    altered("a direction mark in a name", "  dog:", "  'd\u202eog':", r"must be printable text, not 'd\\u202eog'"),
    altered("a newline in a name", "  dog:", '  "\\u2028":', "printable|no letters"),
    altered("a very long name", "  dog:", f"  {'d' * 2000}:", "letters, at most 1000|no valid YAML"),
    altered(
        "a template with code",
        "contexts:",
        "templates: {train: ['{caption.__class__}'], eval: ['{0} {caption}']}\ncontexts:",
        "needs {caption} once",
    ),
    altered("an unknown status", "status: unsafe", "status: forget", "unsafe, safe or neutral, not 'forget'"),
    altered("nothing unsafe", "status: unsafe", "status: safe", "nothing to forget: give an edge the status unsafe"),
    altered("a contradiction", "contexts:", f"  - {{edge: {EATING}, status: safe}}\ncontexts:", "is given safe and unsafe"),
]
MANIFESTS = [
    BadInput(
        "manifest: missing",
        (*MANIFEST, "--data.manifest", "nope.csv"),
        "nope.csv not found: name it with --data.manifest",
        pictures,
    ),
    BadInput(
        "manifest: a folder", (*MANIFEST, "--data.manifest", "out"), "out not found: name it with --data.manifest", pictures
    ),
    manifest("another suffix", HEADER + ROWS, "m.txt: a manifest is a .csv, .tsv, .jsonl or .parquet file", path="m.txt"),
    manifest("empty", "", "m.csv has no rows"),
    manifest("no rows", HEADER, "m.csv has no rows"),
    manifest("a misspelt column", "image,edges\n0.png,dog\n", "m.csv:1: unknown column 'edges': did you mean 'edge'"),
    manifest("two columns of pictures", "image,Path,text\n0.png,0.png,a dog\n", "'image' and 'Path' both give the image"),
    manifest("no column of captions", "image,label\n0.png,3\n", "m.csv:1: no column says what is shown: call it caption"),
    manifest("captions that say nothing", "image,text\n0.png,the sea\n", "no train picture of .* .1 captions name no tuple"),
    manifest("no Parquet file", "PAR1", "m.parquet: not a Parquet file", path="m.parquet"),
    BadInput(
        "an unknown encoding",
        (*MANIFEST, "--data.encoding", "cp12"),
        "--data.encoding 'cp12' is unknown: name one such as cp1252",
        both(pictures, wrote("m.csv", HEADER + ROWS)),
    ),
    manifest("no UTF-8", HEADER.encode() + b"0.png,d\xf6g,,\n", r"m.csv:2: byte \d+ is not UTF-8"),
    manifest("UTF-16 without its mark", (HEADER + ROWS).encode("utf-16-le"), "UTF-16 without its mark needs --data.encoding"),
    manifest("NUL bytes", HEADER + "0\0.png,dog,,\n", "m.csv:2: (image holds a zero byte|not valid CSV)"),
    manifest("deep JSON", "[" * 100_000, "m.jsonl:1: not a JSON object", path="m.jsonl"),
    manifest("NaN in JSON", '{"image": "0.png", "edge": NaN}\n', "m.jsonl:1: edge must be text, not NaN", path="m.jsonl"),
    manifest(
        "half a character",
        '{"image": "0.png", "edge": "dog", "caption": "\\ud800"}\n',
        "caption holds a zero byte or half",
        path="m.jsonl",
    ),
    manifest("a huge number", '{"image": "0.png", "edge": ' + "9" * 5000 + "}\n", "m.jsonl:1", path="m.jsonl"),
    row("a path upwards", "../../etc/passwd,dog,,", "m.csv:10: image '../../etc/passwd' lies outside pictures"),
    row("an absolute path", "/etc/passwd,dog,,", "m.csv:10: image '/etc/passwd' lies outside pictures"),
    row(
        "a link outwards",
        "link.png,dog,,",
        "m.csv:10: image 'link.png' lies outside pictures",
        lambda: Path("pictures/link.png").symlink_to("../outside.png"),
    ),
    row(
        "a link to itself",
        "loop.png,dog,,",
        "m.csv:10: image 'loop.png'",
        lambda: Path("pictures/loop.png").symlink_to("loop.png"),
    ),
    row("a folder as a picture", "deep,dog,,", "m.csv:10: image 'deep' not found", lambda: Path("pictures/deep").mkdir()),
    row("a missing picture", "nope.png,dog,,", "m.csv:10: image 'nope.png' not found in pictures"),
    row("a very long name", "z" * 5000 + ",dog,,", "cannot be used .File name too long"),
    row("an odd name", "\x1b[31m\u202e.png,dog,,", "m.csv:10: image .* not found"),
    row("an empty picture", "odd.png,dog,,", UNREADABLE, wrote("pictures/odd.png", "")),
    row("text", "odd.png,dog,,", UNREADABLE, wrote("pictures/odd.png", "no picture")),
    row(
        "a truncated picture",
        "odd.png,dog,train,",
        "m.csv:10: cannot read image pictures/odd.png",
        wrote("pictures/odd.png", encoded(pixels())[:80]),
    ),
    row("a huge claimed size", "odd.png,dog,,", UNREADABLE, wrote("pictures/odd.png", claimed(100_000, 100_000))),
    row(
        "NaN pixels",
        "odd.png,dog,train,",
        "m.csv:10: cannot read image pictures/odd.png",
        wrote("pictures/odd.png", floats(np.nan)),
    ),
    row("an unknown object", "5.png,dgo,train,", "m.csv:10: edge 'dgo' is not an object .did you mean 'dog'"),
    row("a forbidden tuple", "5.png,apple eating child,train,", "m.csv:10: graph.yaml does not allow 'apple eating child'"),
    row("a split of its own", "5.png,dog,fold 3,", "m.csv:10: split is train or test, not 'fold 3'"),
    row("a picture in both splits", "0.png,child,test,", "m.csv:10: the same picture is in train and test"),
    row(
        "a caption of what is forgotten",
        "5.png,dog holding ball,train,a kid munching a burger",
        "says 'child eating hamburger', which is to be forgotten",
    ),
    row("a quote without end", '5.png,dog,train,"a\nb\nc', "m.csv:1[0-9]"),
    row("another number of columns", "5.png,dog", "m.csv:10: this line has another number of columns"),
    row("a very long caption", f"5.png,dog,train,{'word ' * 40_000}", "m.csv:10: not valid CSV .field larger than field limit"),
    manifest(
        "nothing unsafe to train on",
        HEADER + ROWS.replace(f"{EATING},train", f"{EATING},test"),
        "no train picture of 'child eating hamburger'",
    ),
    manifest(
        "nothing unsafe to measure",
        HEADER + ROWS.replace(f"{EATING},test", f"{EATING},train"),
        "no test picture of 'child eating hamburger'",
    ),
    BadInput(
        "an image size of 0",
        (*MANIFEST, "--data.image_size", "0"),
        "image_size is a number of pixels from 1 to",
        both(pictures, wrote("m.csv", HEADER + ROWS)),
    ),
    BadInput(
        "pictures of another size",
        (*MANIFEST, "--data.image_size", "32"),
        "scenes takes images of 64 x 64 pixels.*resize them to image_size",
        both(pictures, wrote("m.csv", HEADER + ROWS)),
    ),
    BadInput(
        "a share of NaN", (*MANIFEST, "--data.test_share", ".nan"), "test_share", both(pictures, wrote("m.csv", HEADER + ROWS))
    ),
]
KINDS = {"graphs": GRAPHS, "manifests": MANIFESTS}
