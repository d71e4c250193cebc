"""Manifests of pictures: what is read, what is refused, and how the splits are kept apart."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from oro_unlearn.data.relations.manifest import Row, read_manifest
from oro_unlearn.graph import load_graph
from oro_unlearn.user_error import UserError
from tests.data.pictures import Cells, draw, write_csv, write_jsonl
from tests.small_world import write_graph

HEADER = "image,edge\n"
ROW = '{"image": "a.png", "edge": "dog"}\n'


def read(path: str | Path, **options) -> list[Row]:
    return read_manifest(path, "pictures", load_graph(write_graph()), **options).rows


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Three pictures, one of them twice, and what is no picture."""
    folder = tmp_path / "pictures"
    for seed, name in enumerate("abc"):
        draw(folder / f"{name}.png", seed=seed)
    (folder / "again.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "text.png").write_text("no picture")
    draw(tmp_path / "outside.png")
    (folder / "link.png").symlink_to("../outside.png")
    (folder / "circle.png").symlink_to("circle.png")
    return folder


ROWS: list[Cells] = [
    {"image": "a.png", "edge": "child eating hamburger", "split": "train", "source": "me", "licence": "CC0", "group": "unsafe"},
    {"image": "b.png", "edge": "The KID munching a burger", "split": "eval", "caption": 'Lunch, "at last"'},
    {"image": "c.png", "edge": "a puppy", "style": "sketch", "caption": "première\nneige"},
    {"image": "again.png", "edge": "", "group": "neutral", "caption": "a landscape"},
]


@pytest.mark.usefixtures("pictures")
def test_csv_and_jsonl_read_alike(tmp_path):
    found = read(write_csv(tmp_path / "m.csv", ROWS))
    assert [row.concept for row in found] == [("child", "eating", "hamburger")] * 2 + [("dog",), ("a landscape",)]
    assert [row.split for row in found] == ["train", "test", "test", "train"], "the last shows what the first shows"
    assert [row.caption for row in found] == ["", 'Lunch, "at last"', "première neige", "a landscape"]
    assert found[0][-3:] == ("me", "CC0", 2)
    lines = read(write_jsonl(tmp_path / "m.jsonl", [{k: v for k, v in row.items() if v} for row in ROWS]))
    assert [row._replace(line=0, table=Path()) for row in lines] == [row._replace(line=0, table=Path()) for row in found]
    assert [row.line for row in found] == [2, 3, 5, 6], "where a row ends"
    assert [row.line for row in lines] == [1, 2, 3, 4]


@pytest.mark.usefixtures("pictures")
def test_byte_order_mark_blank_lines_and_white_space_do_not_matter(tmp_path):
    (tmp_path / "m.csv").write_bytes("\ufeffimage,edge,split\r\n\r\n a.png , child  holding ball ,train\r\n".encode())
    (row,) = read("m.csv")
    assert (row.path, row.concept, row.split, row.line) == (Path("pictures/a.png"), ("child", "holding", "ball"), "train", 3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.txt", HEADER, "m.txt: a manifest is a .csv, .tsv, .jsonl or .parquet file"),
        ("m.csv", "", "m.csv has no rows: list pictures with the columns image, edge"),
        ("m.csv", HEADER, "m.csv has no rows"),
        ("m.jsonl", "\n \n", "m.jsonl has no rows"),
        ("m.csv", "image,edges\na.png,dog\n", "m.csv:1: unknown column 'edges': did you mean 'edge'? Columns are image, edge"),
        ("m.csv", "image,edge,edge\na.png,dog,cat\n", "m.csv:1: column 'edge' is given twice"),
        ("m.jsonl", ROW + '{"image": "b.png", "edges": "dog"}', "m.jsonl:2: unknown column 'edges'"),
        ("m.csv", "image,edge,caption\na.png,dog,\nb.png,dog\n", "m.csv:3: this line has another number of columns"),
        ("m.csv", HEADER + "a.png,dog,lying down\n", "m.csv:2: this line has another number of columns"),
        ("m.jsonl", ROW + '{"image": "b.png", "edge": 5}', "m.jsonl:2: edge must be text, not 5"),
        ("m.jsonl", ROW + '\n{"image": ', "m.jsonl:3: not a JSON object ("),
        ("m.jsonl", "[" * 100_000, "m.jsonl:1: not a JSON object ("),
        ("m.jsonl", '["a.png", "dog"]', "m.jsonl:1: a JSON object is needed, such as"),
        ("m.csv", HEADER.encode() + b"a.png,d\xf6g\n", "m.csv:2: byte 18 is not UTF-8"),
        ("m.jsonl", '{"image": "a\\u0000.png", "edge": "dog"}', "m.jsonl:1: image holds a zero byte"),
        ("m.jsonl", '{"image": "a.png", "edge": "dog", "caption": "\\ud800"}', "m.jsonl:1: caption holds a zero byte or half"),
        ("m.csv", HEADER + ",dog\n", "m.csv:2: image is empty"),
        ("m.csv", HEADER + "../outside.png,dog\n", "m.csv:2: image '../outside.png' lies outside pictures: put it inside"),
        ("m.csv", HEADER + "{here}/outside.png,dog\n", "outside.png' lies outside pictures"),
        ("m.csv", HEADER + "link.png,dog\n", "m.csv:2: image 'link.png' lies outside pictures"),
        ("m.csv", HEADER + "circle.png,dog\n", "m.csv:2: image 'circle.png' "),
        ("m.csv", HEADER + "a.png,dog\nz.png,dog\n", "m.csv:3: image 'z.png' not found in pictures"),
        ("m.jsonl", '{"image": "z\\n.png", "edge": "dog"}', "m.jsonl:1: image 'z\\n.png' not found"),
        ("m.csv", HEADER + ".,dog\n", "m.csv:2: image '.' not found"),
        ("m.csv", HEADER + "z" * 5000 + ",dog\n", "cannot be used (File name too long)"),
        (
            "m.csv",
            HEADER + "text.png,dog\n",
            "m.csv:2: cannot read image 'pictures/text.png' (no image file): repair",
        ),
        ("m.csv", HEADER + "a.png,\n", "m.csv:2: edge is empty: name a tuple or an object"),
        ("m.csv", HEADER + "a.png,chld eating apple\n", "m.csv:2: unknown object 'chld' in 'chld eating apple': did you mean"),
        (
            "m.csv",
            HEADER + "a.png,child eatin apple\n",
            "m.csv:2: unknown relation 'eatin' in 'child eatin apple': did you",
        ),
        ("m.csv", HEADER + "a.png,chidl\n", "m.csv:2: edge 'chidl' is not an object (did you mean 'child'?) and not a tuple"),
        ("m.csv", HEADER + "a.png,apple eating child\n", "m.csv:2: graph.yaml does not allow 'apple eating child'"),
        ("m.csv", "image,edge,group\na.png,dog,safe\n", "m.csv:2: group is unsafe, edges, nodes, neutral or empty, not 'safe'"),
        ("m.csv", "image,group,caption\na.png,edges,x\n", "m.csv:2: edge is empty: name a tuple or an object; only group neu"),
        ("m.csv", "image,group,caption\na.png,neutral,\n", "m.csv:2: edge is empty"),
        (
            "m.csv",
            "image,group,caption\na.png,neutral,A kid near a puppy!\n",
            "m.csv:2: the caption 'A kid near a puppy!' names",
        ),
        ("m.csv", "image,group,caption\na.png,neutral,the puppy\n", "m.csv:2: the caption 'the puppy' names 'dog': write that"),
        ("m.csv", "image,edge,split\na.png,dog,fold 3\n", "m.csv:2: split is train or test, not 'fold 3'"),
        ("m.csv", "image,edge,split,style\na.png,dog,train,sketch\n", "m.csv:2: pictures with a context or a style are for"),
        ("m.csv", "image,edge,split,context\na.png,dog,train,on a roof\n", "m.csv:2: pictures with a context or a style are"),
        ("m.csv", "image,edge,context\na.png,dog,In a Meadow\n", "m.csv:2: training captions name the context 'In a Meadow'"),
        (
            "m.csv",
            "image,edge,split\na.png,dog,train\nagain.png,dog,test\n",
            "m.csv:3: the same picture is in train and test (see line 2): give both the same split",
        ),
        (
            "m.csv",
            "image,edge,split,caption\na.png,dog,train,our Rex\nb.png,dog,,\nc.png,dog,test,Our REX!\n",
            "m.csv:4: the same caption is in train and test (see line 2)",
        ),
        ("m.csv", HEADER + "a.png," + "d" * 200_000 + "\n", "m.csv:2: not valid CSV (field larger than field limit"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "bytes",
)
@pytest.mark.usefixtures("pictures")
def test_a_wrong_manifest_is_refused_in_one_line(name, content, message, tmp_path):
    content = content.replace("{here}", str(tmp_path)).encode() if isinstance(content, str) else content
    Path(name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(message)) as refusal:
        read(name)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.usefixtures("pictures")
def test_a_missing_manifest_is_named():
    with pytest.raises(UserError, match=r"manifest pictures/nope\.csv not found: name it with --data\.manifest"):
        read("nope.csv")


@pytest.mark.usefixtures("pictures")
def test_a_zero_byte_in_a_csv_is_refused():
    Path("m.csv").write_text(HEADER + "a\0.png,dog\n")
    with pytest.raises(ValueError, match=r"m\.csv:2: (image holds a zero byte|not valid CSV)"):
        read("m.csv")


@pytest.fixture
def noise(tmp_path) -> list[str]:
    """Names of 200 pictures of their own."""
    (tmp_path / "pictures").mkdir()
    generator = np.random.default_rng(0)
    for number in range(200):
        pixels = generator.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.bmp")
    return [f"{number}.bmp" for number in range(200)]


def splits(names: list[str], **options) -> dict[bytes, str]:
    """Split by the picture's content."""
    rows = [{"image": name, "edge": "dog"} for name in names]
    return {row.path.read_bytes(): row.split for row in read(write_csv(Path("m.csv"), rows), **options)}


def test_the_automatic_split_depends_on_the_pictures_alone(noise, tmp_path):
    found = splits(noise)
    assert 0.2 < list(found.values()).count("test") / 200 < 0.4
    random.Random(0).shuffle(noise)
    renamed = [f"of {name}" for name in noise]
    for old, new in zip(noise, renamed, strict=True):
        (tmp_path / "pictures" / old).rename(tmp_path / "pictures" / new)
    assert splits(renamed) == found, "neither on names nor on their order"
    some = splits(renamed[:50])
    assert some.items() <= found.items(), "nor on the other pictures"
    more = splits(renamed, test_share=0.6)
    assert 0.5 < list(more.values()).count("test") / 200 < 0.7
    assert {key for key, split in found.items() if split == "test"} <= {key for key, split in more.items() if split == "test"}
    assert set(splits(renamed, test_share=0.0).values()) == {"train"}


def test_rows_with_the_same_picture_or_caption_get_the_same_split(noise):
    rows: list[Cells] = [{"image": name, "edge": "dog", "caption": f"our dog no. {n // 4}"} for n, name in enumerate(noise)]
    rows += [{"image": noise[0], "edge": "dog", "caption": "our dog no. 1"}]  # joins the first two fours
    found = [row.split for row in read(write_csv(Path("m.csv"), rows))]
    fours = [set(found[start : start + 4]) for start in range(0, 200, 4)]
    assert all(len(four) == 1 for four in fours)
    assert fours[0] == fours[1] == {found[-1]}
    assert {"train", "test"} == set.union(*fours)
    for split in ("train", "test"):
        rows[-1]["split"] = split
        assert {row.split for row in read(write_csv(Path("m.csv"), rows))[:8]} == {split}, "a given split is followed"


@pytest.mark.usefixtures("pictures")
def test_the_plain_caption_may_be_in_both_splits():
    rows = [
        {"image": "a.png", "edge": "dog", "split": "train", "caption": "A dog."},
        {"image": "b.png", "edge": "dog", "split": "test", "caption": "a dog"},
    ]
    assert [row.split for row in read(write_csv(Path("m.csv"), rows))] == ["train", "test"]
