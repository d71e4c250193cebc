"""Random manifests for fuzzing: valid manifests with random changes to rows or bytes, and the properties to check."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from oro_unlearn.data import RelationPairs
from oro_unlearn.data.relations.caption_columns import COLUMNS
from oro_unlearn.data.relations.relation_data import GROUPS
from tests.reliability.bad_graphs import EATING, pictures
from tests.reliability.fuzz_graphs import TIMES, altered, check_message, edited

ROWS = (
    {"image": "0.png", "edge": EATING, "split": "train", "group": "unsafe", "licence": "CC0", "source": "me"},
    {"image": "1.png", "edge": "The KID munching a burger", "split": "test", "caption": "a boy, eating"},
    {"image": "2.png", "edge": "child", "group": "nodes"},
    {"image": "3.png", "edge": "hamburger", "split": "train"},
    {"image": "4.png", "edge": "child eating apple", "context": "in a neon street"},
    {"image": "5.png", "edge": "adult eating hamburger", "style": "sketch", "split": "eval"},
    {"image": "6.png", "edge": "", "group": "neutral", "caption": "a landscape"},
    {"image": "7.png", "edge": "dog holding ball", "split": "train", "caption": "our Rex"},
)


class Manifest(NamedTuple):
    """A file's name and content."""

    name: str
    content: bytes


def prepare() -> None:
    """Put graph and pictures into the current folder, and what is no picture."""
    pictures()
    Path("pictures/text.png").write_text("no picture")
    Path("pictures/link.png").symlink_to("../outside.png")
    Path("pictures/loop.png").symlink_to("loop.png")
    Path("pictures/deep").mkdir()


def _as_csv(rows: Any) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    cells = [row if isinstance(row, dict) else {"image": row} for row in rows]
    header = list(dict.fromkeys(str(name) for row in cells for name in row))
    writer.writerow(header)
    for row in cells:
        values = {str(name): value for name, value in row.items()}
        writer.writerow(["" if name not in values else str(values[name]) for name in header])
    return file.getvalue().encode(errors="surrogatepass")


def _as_jsonl(rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def plausible(draw: random.Random) -> list[dict[str, str]]:
    """Good rows, and more of them that have the form of one; whether they agree is left to chance.

    Args:
        draw: Chooses their cells.
    """
    rows = [dict(row) for row in ROWS]
    choices = {
        "image": [f"{number}.png" for number in range(8)],
        "edge": ["dog", "apple", "a puppy", "dog holding ball", "adult holding apple", EATING, "child pointing at hamburger"],
        "split": ["", "", "train", "test"],
        "caption": ["", "", "a dog", "our Rex", "première neige", "a boy, eating", "$x{$ [b] <i>"],
        "style": ["", "", "", "", "", "sketch"],
        "context": ["", "", "", "", "in a snowy field"],
    }
    for _ in range(draw.randrange(5)):
        rows.append({name: draw.choice(found) for name, found in choices.items()})
    draw.shuffle(rows)
    return rows


def manifests() -> SearchStrategy[Manifest]:
    """Manifests of both kinds."""
    rows = st.builds(altered, st.just([dict(row) for row in ROWS]), st.randoms(use_true_random=False), TIMES)
    good = st.randoms(use_true_random=False).map(plausible)
    csvs, lines = rows.map(_as_csv), rows.map(_as_jsonl)
    some = [good.map(_as_csv), csvs, edited(_as_csv(ROWS)), csvs.flatmap(edited), st.binary(max_size=200)]
    others = [good.map(_as_jsonl), lines, edited(_as_jsonl(ROWS)), lines.flatmap(edited)]
    named = [content.map(lambda found: Manifest("m.csv", found)) for content in some]
    named += [content.map(lambda found: Manifest("m.jsonl", found)) for content in others]
    return st.one_of(*named, _of_columns(), _of_people())


def _of_columns() -> SearchStrategy[Manifest]:
    """Rows whose cells are any text."""
    row = st.fixed_dictionaries(
        {"image": st.sampled_from(_images())}, optional={name: st.text(max_size=12) for name in COLUMNS[1:]}
    )
    return st.lists(row, max_size=6).map(lambda rows: Manifest("m.jsonl", _as_jsonl([*ROWS, *rows])))


def _of_people() -> SearchStrategy[Manifest]:
    """Captions alone, many of them in words of the graph, in no order."""
    words = ("a", "two", "child", "children", "eating", "eats", "hamburger", "burgers", "dog", "ball", "in", "kitchen")
    caption = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(words), max_size=7).map(" ".join))
    row = st.fixed_dictionaries({"path": st.sampled_from([f"{number}.png" for number in range(2, 8)]), "text": caption})
    both = [{"path": f"{number}.png", "text": EATING, "split": split} for number, split in enumerate(("train", "test"))]
    rows = st.lists(row, max_size=6).map(lambda rows: [*both, *rows])
    return st.one_of(
        rows.map(lambda rows: Manifest("m.jsonl", _as_jsonl(rows))), rows.map(lambda rows: Manifest("m.csv", _as_csv(rows)))
    )


def _images() -> list[str]:
    named = ["text.png", "link.png", "loop.png", "deep", ".", "..", "../outside.png", "/etc/passwd", "0.png/x", "z" * 300]
    return [*(f"{number}.png" for number in range(8)), *named, "./0.png", "deep/../1.png", "\ud800"]


def check_manifest(manifest: Manifest) -> bool:
    """Read a manifest in the folder that :func:`prepare` has filled, and make of it what training and measuring need.

    Args:
        manifest: The file.

    Returns:
        Whether it can be used.

    Raises:
        AssertionError: If it is neither used nor refused as it should be.
    """
    Path(manifest.name).write_bytes(manifest.content)
    data = RelationPairs(root="pictures", manifest=manifest.name, graph="graph.yaml", image_size=8, batch_size=2)
    try:
        rows = data.rows
        splits = {name: data.split(name) for name in GROUPS}
        probes = data.measured
    except (ValueError, OSError) as error:
        check_message(error, manifest.name, "graph.yaml")
        return False
    root = Path("pictures").resolve()
    shown: dict[bytes, str] = {}
    for row in rows:
        assert row.path.resolve().is_relative_to(root), f"{row.path} lies outside"
        assert row.split in ("train", "test")
        said = data.reader.mentions(row.caption) & {"child", "eating", "hamburger"}
        assert row.reading != "unread" or len(said) < 2, f"{row.caption!r} would keep what is to be forgotten"
        assert shown.setdefault(row.path.read_bytes(), row.split) == row.split, "one picture in both splits"
    captions = [text for pairs in splits.values() for text in (*pairs.captions, *pairs.attacks)]
    assert all(text.strip() for text in (*captions, *probes.texts))
    assert len(probes.pictures) == sum(row.split == "test" for row in rows)
    for pairs in splits.values():
        assert not len(pairs) or pairs[0][0].shape == (1, 3, 8, 8)
    return True
