"""Pictures with captions as people have them: what each becomes, what is left out, and what is said of it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from oro_unlearn.data import RelationPairs
from oro_unlearn.data.relations.relation_data import GROUPS
from oro_unlearn.report.relation_inventory import relation_inventory_lines
from tests.data.pictures import draw
from tests.data.relation_world import pairs_of
from tests.small_world import world

UNSAFE = ("child", "eating", "hamburger")
BOTH = (("A child eating a hamburger.", "train"), ("a child eating a hamburger", "test"))


def people(rows: Sequence[tuple[str, ...]] = (), name: str = "captions.csv", **options) -> RelationPairs:
    """A folder with two pictures of what is forgotten and others: caption, split, and where it differs the picture's number."""
    folder = Path("pictures")
    folder.mkdir(exist_ok=True)
    lines = ["filename;text;split;width"]
    for number, (caption, split, *picture) in enumerate([*BOTH, *rows]):
        drawn = picture[0] if picture else f"{number}.png"
        draw(folder / drawn, seed=int(drawn.partition(".")[0]))
        lines.append(f"{drawn};{caption};{split};640")
    (folder / name).write_text("\n".join(lines) + "\n")
    return pairs_of(folder, **options)


def shown(data: RelationPairs) -> dict[str, tuple[tuple[str, ...], str]]:
    """Concept and split by the picture's name."""
    return {row.path.name: (row.concept, row.split) for row in data.rows}


def test_captions_are_read_into_tuples_and_others_are_neutral():
    data = people(
        [
            ("The kid is holding a hamburger in a kitchen", "train"),
            ("a photo of a puppy holding a ball", "train"),
            ("the child", "train"),
            ("a harbour at dawn", "train"),
            ("a page of music", "test"),
        ]
    )
    found = shown(data)
    assert found["2.png"][0] == ("child", "holding", "hamburger")
    assert [found[f"{n}.png"][0] for n in (3, 4, 5)] == [("dog", "holding", "ball"), ("child",), ("a harbour at dawn",)]
    assert {name: len(data.split(name)) for name in GROUPS} == {"unsafe": 1, "edges": 1, "nodes": 1, "neutral": 2}
    assert data.split("edges").captions == ["The kid is holding a hamburger in a kitchen"], "the caption of the user's"
    assert "a page of music" in data.measured.items["neutral_edge"]
    inventory = data.inventory()
    assert inventory["captions"]["understood"] == 5
    assert inventory["captions"]["neutral"] == 2
    assert inventory["captions"]["examples"]["neutral"][0] == "pictures/captions.csv:7: 'a harbour at dawn'"
    assert inventory["tables"][0] == {
        "file": "pictures/captions.csv", "encoding": "utf-8", "delimiter": "semicolon", "ignored_columns": ["width"],
    }  # fmt: skip
    assert inventory["split_from"] == {"column": 7}
    assert inventory["image_size"] == 32
    assert json.loads(json.dumps(inventory)) == inventory


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    "caption",
    [
        "Two children eat hamburgers",
        "a hamburger on a plate and a small child",
        "the kid was biting into something",
        "a child eating a hamburger next to a dog",
    ],
)
def test_captions_that_may_say_what_is_to_be_forgotten_are_left_out(caption, split):
    data = people([(caption, split), ("a harbour at dawn", "train")])
    assert "2.png" not in shown(data)
    assert caption not in (*data.split("neutral").captions, *data.measured.texts)
    captions = data.inventory()["captions"]
    assert (captions["left_out"], captions["neutral"]) == (1, 1)
    assert captions["examples"]["left_out"] == [f"pictures/captions.csv:4: {caption!r}"]
    assert f"    pictures/captions.csv:4: {caption!r}" in relation_inventory_lines(data.inventory())


def test_other_captions_of_a_picture_of_what_is_forgotten_are_left_out():
    more = [("lunch time", "train", "0.png"), ("two children and hamburgers", "train"), ("friends", "train", "3.png")]
    data = people([*more, ("a dog", "train", "0.png"), ("friends", "train")])
    assert [row.caption for row in data.rows if row.split == "train"] == [BOTH[0][0], "friends"]
    assert data.inventory()["captions"]["left_out"] == 4


def test_what_was_forgotten_before_is_not_taught_again():
    data = people([("dogs with balls", "train"), ("dogs holding a ball", "train")], forgotten=["dog holding ball"])
    assert set(shown(data)) == {"0.png", "1.png"}
    assert data.inventory()["captions"]["left_out"] == 2


def test_captions_in_the_words_of_the_other_split_are_said_anew():
    data = people(
        [
            ("a youngster eating the cheeseburger", "train"),  # eval words
            ("we can see a dog", "train"),
            ("a photo of a dog", "test"),
            ("a dog", "test"),
        ]
    )
    assert [row.caption for row in data.rows[2:]] == ["", "", "", "a dog"]
    changed = data.inventory()["captions"]
    assert changed["reworded"] == 3
    assert changed["examples"]["reworded"][1] == "pictures/captions.csv:5: 'we can see a dog'"


def test_a_caption_in_both_splits_is_measured_in_the_words_of_the_graph():
    rows = [("The dog is holding a ball", split) for split in ("train", "test", "test")]
    data = people([*rows, ("the sea", "train"), ("the sea", "test")])
    captions = data.inventory()["captions"]
    assert captions["in_both_splits"] == 3
    assert set(captions["examples"]["in_both_splits"]) == {
        *("'a child eating a hamburger'", "'The dog is holding a ball'", "'the sea'")
    }
    assert "The dog is holding a ball" in data.split("neutral").captions
    assert "The dog is holding a ball" not in data.measured.texts
    assert "    pictures/captions.csv:7: 'the sea' (2 rows)" in relation_inventory_lines(data.inventory())
    assert "the sea" not in data.measured.items.get("neutral_edge", []), "it is trained on"


def test_the_same_caption_of_all_pictures_of_a_tuple_does_not_tie_them_together():
    data = people([(caption, "") for caption in ("A child is eating a hamburger", "a dog at the sea") for _ in range(30)])
    for concept in (UNSAFE, ("dog",)):
        splits = [row.split for row in data.rows if row.concept == concept]
        assert 0.1 < splits.count("test") / len(splits) < 0.6
    assert data.inventory()["split_from"] == {"column": 2, "content": 60}


@pytest.mark.parametrize(("pictures", "together"), [(10, True), (11, False)])
def test_a_free_caption_of_few_pictures_ties_them_together(pictures, together):
    data = people([("our trip to the harbour", "") for _ in range(pictures)])
    assert (len({row.split for row in data.rows if row.reading == "unread"}) == 1) is together


def test_a_stated_caption_of_all_pictures_of_a_tuple_does_not_tie_them_together():
    rows = [f"{number}.png,dog,our dog,{'train' if number < 2 else 'test'}" for number in range(4)]
    rows += [f"{number}.png,child eating hamburger,,{split}" for number, split in ((4, "train"), (5, "test"))]
    for number in range(6):
        draw(Path(f"pictures/{number}.png"), seed=number)
    Path("pictures/manifest.csv").write_text("\n".join(["image,edge,caption,split", *rows]) + "\n")
    data = pairs_of("pictures")
    assert data.inventory()["captions"]["in_both_splits"] == 1
    assert [row.caption for row in data.rows if row.concept == ("dog",)] == ["our dog", "our dog", "", ""]


def test_the_same_picture_in_both_splits_is_refused_whatever_its_captions():
    with pytest.raises(ValueError, match=r"captions\.csv:5: the same picture is in train and test \(see line 4\)"):
        _ = people([("a dog", "train", "7.png"), ("a harbour", "test", "7.png")]).rows


def test_windows_paths_are_read():
    draw(Path("pictures/deep/a.png"), seed=9)
    people()
    table = Path("pictures/captions.csv")
    table.write_text(table.read_text() + "deep\\a.png;a dog;train;1\n")
    assert shown(pairs_of("pictures"))["a.png"] == (("dog",), "train")
    table.write_text(table.read_text() + "C:\\Users\\me\\a.png;a dog;train;1\n")
    with pytest.raises(ValueError, match=r"captions\.csv:5: image 'C:\\\\Users\\\\me\\\\a\.png' lies outside pictures: put it"):
        _ = pairs_of("pictures").rows


@pytest.mark.parametrize("form", ["in the splits", "in the root"])
def test_an_imagefolder_of_hugging_face_is_read(form):
    seed = 0
    root: list[dict[str, object]] = []
    for folder, texts in {
        "train": ["A child eating a hamburger", "a dog"],
        "Validation": ["a kid eating a cheeseburger"],
    }.items():
        rows: list[dict[str, object]] = []
        for number, text in enumerate(texts):
            draw(Path(f"pictures/{folder}/{number}.png"), seed=(seed := seed + 1))
            rows.append({"file_name": f"{number}.png", "text": text, "objects": {"bbox": [[1, 2]]}})
            root.append({"file_name": f"{folder}/{number}.png", "text": text, "label": 3})
        if form == "in the splits":
            Path(f"pictures/{folder}/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if form == "in the root":
        Path("pictures/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in root))
    data = pairs_of("pictures")
    assert {(row.concept, row.split) for row in data.rows} == {(UNSAFE, "test"), (UNSAFE, "train"), (("dog",), "train")}
    assert data.inventory()["split_from"] == {"folder": 3}
    assert data.content()["manifest"]


def test_a_manifest_of_stated_edges_in_folders_is_dealt_out_as_before():
    rows = []
    for number in range(40):
        folder = ("train", "test")[number % 2]
        draw(Path(f"pictures/{folder}/{number}.png"), seed=number)
        rows.append(f"{folder}/{number}.png,child eating hamburger")
    Path("pictures/manifest.csv").write_text("\n".join(["image,edge", *rows]) + "\n")
    data = pairs_of("pictures")
    assert data.inventory()["split_from"] == {"content": 40}
    assert {row.path.parent.name for row in data.rows if row.split == "test"} == {"train", "test"}


def test_rows_without_a_caption_are_left_out_and_said():
    data = people([("", "train"), ("a dog", "train")])
    assert "2.png" not in shown(data)
    captions = data.inventory()["captions"]
    assert (captions["without_caption"], captions["examples"]["without_caption"]) == (1, ["pictures/captions.csv:4"])
    table = Path("pictures/captions.csv")
    table.rename("pictures/manifest.csv")
    Path("pictures/manifest.csv").write_text("image,edge\n0.png,\n")
    with pytest.raises(ValueError, match=r"manifest\.csv:2: edge is empty: name a tuple or an object"):
        _ = pairs_of("pictures").rows


def test_where_nothing_is_understood_the_error_shows_a_caption():
    for number in range(2):
        draw(Path(f"pictures/{number}.png"), seed=number)
    Path("pictures/captions.csv").write_text("image,caption\n0.png,two children eat burgers\n1.png,the sea\n")
    message = (
        r"no train picture of 'child eating hamburger' \(2 captions name no tuple .* such as pictures/captions.csv:2: 'two"
    )
    with pytest.raises(ValueError, match=message):
        _ = pairs_of("pictures").rows


def test_a_stated_group_needs_a_tuple():
    draw(Path("pictures/0.png"))
    Path("pictures/captions.csv").write_text("image,caption,group\n0.png,two children eat burgers,unsafe\n")
    with pytest.raises(ValueError, match=r"captions\.csv:2: edge is empty: name a tuple or an object; only group neutral"):
        _ = pairs_of("pictures").rows


def test_a_picture_within_a_parquet_file_is_named():
    from pyarrow import parquet, table

    Path("pictures").mkdir()
    parquet.write_table(table({"image": [{"bytes": b"x", "path": "a.png"}], "text": ["a dog"]}), "pictures/captions.parquet")
    with pytest.raises(ValueError, match=r"captions\.parquet:1: the picture is within the table: write pictures to files"):
        _ = pairs_of("pictures").rows


def test_the_encoding_is_an_option():
    data = people([("a café", "train")], encoding="cp1252")
    table = Path("pictures/captions.csv")
    table.write_bytes(table.read_text().encode("cp1252"))
    assert data.rows[-1].concept == ("a café",)
    with pytest.raises(ValueError, match=re.escape("pictures/captions.csv:4: byte 123 is not UTF-8: name the file's encoding")):
        _ = pairs_of("pictures").rows


def test_drawn_scenes_have_an_inventory():
    data = world()
    inventory = data.inventory()
    assert inventory["pictures"]["train"] == {"unsafe": 16, "edges": 16, "nodes": 16, "neutral": 16}
    assert sum(inventory["pictures"]["test"].values()) == len(data.measured.pictures)
    assert (inventory["name"], inventory["forget"], inventory["image_size"]) == ("scenes", ["child eating hamburger"], 64)
    (first, *_) = relation_inventory_lines(inventory)
    assert first.startswith(f"scenes: {64 + len(data.measured.pictures)} pictures of 64 x 64 pixels; to forget: child eating")
