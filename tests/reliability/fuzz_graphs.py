"""Random graphs for fuzzing: valid graphs with random changes to the document or the bytes, and the properties to check."""

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from oro_unlearn.graph import Captions, RelationGraph, derive_roles, load_graph
from oro_unlearn.graph.graph_file import SCENES
from tests.small_world import GRAPH

LONGEST = 600  # letters of a message
TIMES = st.sampled_from((1, 1, 1, 2, 3, 5))  # changes
ODD_TEXTS = (
    "",
    " ",
    "a",
    "the",
    "the dog",
    "dog",
    "child",
    "Hot-Dog",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\ufeff",
    "e\u0301",
    "$x{$",
    "[b]",
    "yes",
    "~",
    "null",
)
ODD_TEXTS = (
    *ODD_TEXTS,
    "!!bool x",
    "*a",
    "&a",
    "- a",
    "x: y",
    "a\nb",
    "{caption}",
    "{0}",
    "z" * 1001,
    "z" * 900,
    "w " * 60,
    "😀",
    "ß",
    "ﬁ",
    "İ",
    "²",
    "a photo of {caption}",
)
NAMES = (
    "dog",
    "cat",
    "hot dog",
    "dog near",
    "near cat",
    "the",
    "a dog house",
    "yes",
    "1",
    "$x{$",
    "[b]b",
    "ß",
    "猫",
    "e\u0301e",
    "z" * 900,
)
ODD_VALUES = (None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 10**40, [], {}, [[]], [None], {"a": "b"}, ["x"] * 60)
ODD_BYTES = (
    b"",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\n",
    b"\t",
    b": ",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"&a ",
    b"*a",
    b"!!python/name:os.system ",
    b"'",
    b'"',
    b"#",
)
ODD_BYTES = (
    *ODD_BYTES,
    b"---\n",
    b"|",
    b">",
    b"%",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b",",
    b"true",
    b"~",
    b"? ",
    b"<<: ",
    b"is_a: ",
    b"  ",
)


def small_world() -> dict[str, Any]:
    """The graph that is changed, as a document."""
    return yaml.safe_load(GRAPH)


def edited(base: bytes) -> SearchStrategy[bytes]:
    """Bytes with up to eight places cut out, repeated, or replaced."""
    place, odd = st.integers(0, len(base)), st.sampled_from(ODD_BYTES)
    edits = st.lists(st.tuples(place, st.integers(0, 40), odd, st.booleans()), min_size=1, max_size=8)

    def apply(found: list[tuple[int, int, bytes, bool]]) -> bytes:
        content = base
        for start, length, text, twice in found:
            cut = content[start : start + length]
            content = content[:start] + text + cut * (2 * twice) + content[start + length :]
        return content

    return edits.map(apply)


def altered(document: Any, draw: random.Random, times: int) -> Any:
    """A document with some of its values and keys changed.

    Args:
        document: Dicts, lists and scalars.
        draw: Chooses places and changes.
        times: How many changes.
    """
    changed = copy.deepcopy(document)
    for _ in range(times):
        places = _places(changed)
        if places:
            _alter(*draw.choice(places), draw.choice(places), draw)
    return changed


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found = []
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    for key, item in items:
        found += [(value, key), *_places(item)]
    return found


def _alter(parent: Any, key: Any, other: tuple[Any, Any], draw: random.Random) -> None:
    try:
        theirs = copy.deepcopy(other[0][other[1]])
        change = draw.randrange(7)
        if change == 0:
            del parent[key]
        elif change in (1, 2):
            parent[key] = copy.deepcopy(draw.choice(ODD_TEXTS if change == 1 else ODD_VALUES))
        elif change == 3:
            parent[key] = theirs
        elif change == 4 and isinstance(parent, dict):
            parent[draw.choice((*ODD_TEXTS, other[1]))] = parent.pop(key)
        elif change == 5:
            parent[key] = [parent[key]] * draw.choice((1, 2, 60))
        elif isinstance(parent, list):
            parent.insert(key, theirs)
        else:
            parent[draw.choice(ODD_TEXTS)] = theirs
    except (KeyError, IndexError, TypeError):  # an earlier change has taken this place away
        return


def _dumped(document: Any) -> bytes:
    try:
        return yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode(errors="surrogatepass")
    except yaml.YAMLError:
        return b""


def built(draw: random.Random) -> dict[str, Any]:
    """A document of a graph that has the form of one; whether its parts agree is left to chance.

    Args:
        draw: Chooses names, kinds and edges.
    """
    names = draw.sample(NAMES, draw.randint(3, 9))
    objects = {}
    for number, name in enumerate(names):
        above = draw.sample(names[:number], min(number, draw.randrange(3)))
        words = {bank: [f"{bank} {number} {word}" for word in range(draw.randrange(3))] for bank in ("train", "eval")}
        objects[name] = {"is_a": above, "mass": draw.random() < 0.3, "abstract": draw.random() < 0.2, "synonyms": words}
    kinds = [[], names[:1], names[1:3]]
    relations = {
        name: {"subjects": draw.choice(kinds), "objects": draw.choice(kinds), "symmetric": draw.random() < 0.4}
        for name in draw.sample(("near", "next to", "eating", "eating a", "the"), 2)
    }
    edges = []
    for number in range(draw.randint(1, 4)):
        subject, thing = draw.sample(names, 2)
        status = "unsafe" if not number else draw.choice(("unsafe", "safe", "neutral"))
        edge = {"subject": subject, "relation": draw.choice(list(relations)), "object": thing, "status": status}
        edges.append({**edge, **({"override": True, "reason": "so"} if status != "unsafe" and draw.random() < 0.5 else {})})
    return {"objects": objects, "relations": relations, "edges": edges}


def graphs() -> SearchStrategy[bytes]:
    """Contents of graph files."""
    free = st.randoms(use_true_random=False).map(built).map(lambda found: json.dumps(found, ensure_ascii=False).encode())
    documents = st.builds(altered, st.just(small_world()), st.randoms(use_true_random=False), TIMES).map(_dumped)
    shipped = SCENES.read_bytes()
    return st.one_of(
        free, documents, edited(GRAPH.encode()), edited(shipped), documents.flatmap(edited), st.binary(max_size=200)
    )


def check_graph(content: bytes) -> bool:
    """Read a graph from the current folder.

    Args:
        content: Of its file.

    Returns:
        Whether it is a graph.

    Raises:
        AssertionError: If it is neither read nor refused as it should be.
    """
    path = Path("graph.yaml")
    path.write_bytes(content)
    try:
        graph = load_graph(path)
    except (ValueError, OSError) as error:
        check_message(error, "graph.yaml")
        return False
    check_invariants(graph)
    return True


def check_message(error: Exception, *files: str) -> None:
    """Whether a refusal is one line that names a file and is not too long."""
    text = str(error)
    assert "\n" not in text, f"several lines: {text!r}"
    assert len(text) < LONGEST, f"{len(text)} letters: {text[:200]!r}"
    assert any(name in text for name in files), f"no file is named: {text!r}"
    assert text.isprintable(), f"not printable: {text!r}"
    assert not isinstance(error, UnicodeError), repr(error)


def check_invariants(graph: RelationGraph) -> None:
    """What must hold of every graph that is read."""
    captions = Captions(graph)
    for name in graph.objects:
        assert name in graph.ancestors(name) & graph.descendants(name)
        assert all(name in graph.descendants(above) for above in graph.ancestors(name))
        assert len(graph.ancestors(name) & graph.descendants(name)) == 1, f"{name!r} is above itself"
    triples = graph.triples()
    for triple in triples[:: max(1, len(triples) // 20)]:
        assert graph.valid(triple)
        assert captions.plain(triple).isprintable()
        _check_parsed(graph, triple)
    assert all(graph.valid(edge.triple) for edge in graph.edges)
    try:
        roles = derive_roles(graph)
    except ValueError as error:
        check_message(error, "graph.yaml")
        return
    groups = [roles.unsafe, *roles.neighbours.values(), roles.swapped, roles.nodes, roles.neutral]
    assert len(set().union(*groups)) == sum(map(len, groups)), "a concept has two roles"


def _check_parsed(graph: RelationGraph, triple: Any) -> None:
    """A triple in words is read as itself, or refused because it can be read in several ways or has too many words."""
    try:
        read = graph.parse(str(triple))
    except ValueError as error:
        if not re.search(r"can be read as|is not a relation| \.\.\. ", str(error)):
            raise AssertionError(str(error)) from None
        return
    assert read == triple, f"{triple} is read as {read}"
