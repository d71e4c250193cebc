"""The user's pictures, and mistakes in options, graph and manifest."""

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from oro_unlearn.data import RelationPairs, Scenes
from oro_unlearn.data.relations.manifest_roles import fitted
from oro_unlearn.data.relations.relation_data import GROUPS
from oro_unlearn.user_error import UserError
from tests.conftest import CONFIGS
from tests.data.pictures import Cells, draw, write_csv
from tests.data.relation_world import FEW, Counting, pairs_of, shown, vocabulary
from tests.small_world import GRAPH, world, write_graph


def test_pairs_of_a_folder_follow_the_manifest(folder):
    data = pairs_of(folder)
    assert data.split("neutral").captions.count("a landscape painting") == 1
    assert data.licences == {"CC0": 6, "not given": 45}
    (row,) = torch.nonzero(data.split("neutral").slots.eq(-1).all(1)).tolist()[0]
    assert data.split("neutral").captions[row] == "a landscape painting"
    assert not {"a landscape painting", "a page of music"} & set(vocabulary(data))
    neutral = data.measured.items["neutral_edge"]
    assert neutral == ["an adult holding a ball", "a dog holding an apple", "a page of music"]
    group = data.measured.pairs["neutral_edge"]
    texts = {neutral[item]: {data.measured.texts[n] for n in group[group[:, 2] == item, 1]} for item in range(3)}
    assert texts["a page of music"] == {"a page of music"}
    assert "our dog Rex, proud of an apple" in texts["a dog holding an apple"]
    assert "a small boy with his mouth full of hamburger" in data.measured.items["paraphrase"]
    assert data.split("unsafe").image(0).shape == (3, 32, 32)
    assert pairs_of(folder, image_size=48).split("unsafe").image(0).shape == (3, 48, 48)


def rows_for(*more: Cells) -> list[Cells]:
    """A manifest with as little as can be forgotten, and further rows."""
    unsafe = "child eating hamburger"
    rows = [{"image": "a.png", "edge": unsafe, "split": "train"}, {"image": "b.png", "edge": unsafe, "split": "test"}, *more]
    for seed, row in enumerate(rows):
        draw(Path(row["image"]), seed=seed)
    return rows


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"edge": "dog", "group": "nodes"},
            "m.csv:4: group is nodes, but 'dog' is neutral when 'child eating hamburger' is for",
        ),
        ({"edge": "child eating apple", "group": "neutral"}, "group is neutral, but 'child eating apple' is edges when"),
        ({"edge": "agent eating food", "group": "edges"}, "'agent eating food' is in no group when"),
        (
            {"edge": "child", "caption": "Happy: the kid BITING INTO a burger!"},
            "m.csv:4: the caption 'Happy: the kid BITING INTO a burger!' says 'child eating hamburger', which is to be "
            "forgotten, of a picture of 'child'",
        ),
        ({"group": "neutral", "caption": "two friends, one child eating hamburger"}, "says 'child eating hamburger', which is"),
        (
            {"edge": "dog holding ball", "caption": "a canine gripping a ball", "split": "train"},
            "m.csv:4: the caption 'a canine gripping a ball' is among the graph's eval wordings, but its split is train",
        ),
        (
            {"edge": "dog", "caption": "A photo of a puppy.", "split": "test"},
            "is among the graph's train wordings, but its split",
        ),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_row_that_contradicts_the_graph_is_refused(row, message):
    write_csv(Path("m.csv"), rows_for({"image": "c.png", **row}))
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        _ = RelationPairs(root=".", manifest="m.csv", graph=write_graph(), image_size=32).rows
    assert "\n" not in str(refusal.value)


def documented(*tables: str) -> RelationPairs:
    """Tables of the documentation with pictures, in a folder of their own."""
    text = (CONFIGS.parent / "docs" / "relation_pairs.md").read_text()
    root = Path(tables[0].replace("/", "_").replace(".", "_"))
    for table in tables:
        (block,) = re.findall(rf'```\w+ title="{table}"\n(.*?)```', text, re.DOTALL)
        folder = (root / table).parent
        for name in re.findall(r"(?:\w+/)?\d+\.jpg", block):
            draw(folder / name, seed=sum((table + name).encode()))
        (root / table).write_text(block)
    return RelationPairs(root=str(root), image_size=32)


def test_the_examples_of_the_documentation_are_read():
    for table in ("manifest.csv", "manifest.jsonl"):
        rows = documented(table).listing.rows
        assert [row.concept for row in rows if row.group == "neutral"] == [("a harbour at dawn",)]
    data = documented("manifest.csv")
    assert {name: len(data.split(name)) for name in GROUPS} == {"unsafe": 1, "edges": 1, "nodes": 1, "neutral": 1}
    assert {"paraphrase", "contextual", "ood_image"} <= set(data.measured.pairs)


def test_the_examples_of_captions_are_read():
    data = documented("captions.csv")
    found = fitted([row._replace(split="train") for row in data.listing.rows], data)
    eating, holding = ("child", "eating", "hamburger"), ("child", "holding", "hamburger")
    assert [row.concept for row in found.rows] == [eating, eating, holding, ("a harbour at dawn",)]
    assert [row.caption for row in found.left_out] == ["Two children and their hamburgers"]
    assert data.listing.tables[0].ignored == ["width"]
    data = documented("train/metadata.jsonl", "test/metadata.jsonl")
    assert [(row.concept, row.split) for row in data.rows] == [(eating, "test"), (eating, "train"), (("child",), "train")]
    assert {table.path.name for table in data.listing.tables} == {"metadata.jsonl"}


def test_a_caption_may_say_what_its_picture_shows():
    more = [
        {
            "image": "c.png",
            "edge": "child eating hamburger",
            "split": "train",
            "caption": "a tiny child eating a hamburger now",
        },
        {
            "image": "d.png",
            "edge": "adult eating hamburger",
            "split": "test",
            "caption": "a man and his hamburger",
            "group": "edges",
        },
    ]
    data = RelationPairs(root=".", manifest=write_csv(Path("m.csv"), rows_for(*more)), graph=write_graph(), image_size=32)
    assert data.split("unsafe").captions == ["a child eating a hamburger", "a tiny child eating a hamburger now"]
    assert data.measured.items["new_safe_node"] == ["an adult eating a hamburger"]


@pytest.mark.parametrize("missing", ["train", "test"])
def test_what_is_to_be_forgotten_needs_pictures_in_both_splits(missing):
    write_csv(Path("m.csv"), [row for row in rows_for() if row["split"] != missing])
    with pytest.raises(ValueError, match=f"m.csv: no {missing} picture of 'child eating hamburger': add some"):
        _ = RelationPairs(root=".", manifest="m.csv", graph=write_graph()).rows


def test_a_group_without_pictures_is_named():
    data = RelationPairs(root=".", manifest=write_csv(Path("m.csv"), rows_for()), graph=write_graph())
    data.trainer = SimpleNamespace(lightning_module=Counting(), global_rank=0, world_size=1)
    with pytest.raises(ValueError, match="--data RelationPairs has no edges pairs to train on: add pictures of them"):
        data.train_dataloader()
    data.trainer.lightning_module.train_splits = ("unsafe",)
    assert len(list(data.train_dataloader())) == 1


def test_a_picture_that_breaks_off_is_named_with_its_line():
    write_csv(Path("m.csv"), rows_for())
    Path("a.png").write_bytes(Path("a.png").read_bytes()[:200])
    data = RelationPairs(root=".", manifest="m.csv", graph=write_graph())
    with pytest.raises(ValueError, match=r"m\.csv:2: cannot read image a\.png"):
        data.split("unsafe").image(0)


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"forget": "chld eating apple"}, "--data.forget: unknown object 'chld' in 'chld eating apple': did you mean 'child'?"),
        (
            {"forget": ["dog next to cat", "eating"]},
            "--data.forget: 'eating' is not a relation: write subject, relation and object",
        ),
        ({"forget": "hamburger eating child"}, "scenes.yaml: 'hamburger eating child' cannot be forgotten"),
        ({"batch_size": 0}, "--data.batch_size is a number of pairs, at least 1, not 0"),
        ({"withheld": 1.5}, "--data.withheld is a part of the vocabulary in [0, 1), not 1.5"),
        ({"listed": {"subjects": 1}}, "--data.listed gives a number for subject, relation and object, not {'subjects': 1}"),
        ({"listed": {"subject": -1}}, "--data.listed gives a number"),
        ({"seed": -1}, "--data.seed is 0 or more, not -1"),
        ({"pairs": 0}, "--data.pairs, gallery and pretraining_pictures are 1 or more"),
        ({"probe_pictures": -1}, "probe_pictures and neighbour_pictures 0 or more"),
        ({"left_out": 1.0}, "--data.left_out is a part of the tuples in [0, 1), not 1.0"),
        ({"without": ["child eating"]}, "--data.without: 'child eating' is not a relation"),
        ({"without": ["sun eating child"]}, "does not allow 'sun eating child'"),
        ({"graph": "nope.yaml"}, "nope.yaml"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_wrong_option_is_refused_in_one_line(options, message):
    def use() -> None:
        data = Scenes(**options)
        _ = data.roles, data.pretraining_concepts()

    with pytest.raises(UserError, match=re.escape(message)) as refusal:
        use()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("options", "message"), [({"image_size": 0}, "image_size"), ({"test_share": 1.0}, "test_share")])
def test_a_wrong_option_for_pictures_is_refused(options, message):
    with pytest.raises(ValueError, match=f"--data.{message} is a "):
        RelationPairs(**options)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  apple:",
            "  unicorn:",
            "graph.yaml:10: scenes cannot draw 'unicorn'; leave it out, mark an object abstract, or bring",
        ),
        ("  holding:", "  painting:", "graph.yaml:14: scenes cannot draw 'painting'"),
        ("objects: [item, agent], symmetric", "objects: [agent, item], symmetric", ""),
        ("objects: [food]", "objects: [food, agent]", "graph.yaml:13: scenes cannot draw 'child eating adult'"),
        ("in a snowy field", "in a kitchen", "graph.yaml: scenes cannot draw 'in a kitchen'"),
    ],
)
def test_a_graph_that_cannot_be_drawn_is_refused(old, new, message):
    assert GRAPH.count(old) == 1
    Path("graph.yaml").write_text(GRAPH.replace(old, new))
    data = Scenes(graph="graph.yaml")
    if not message:
        assert data.graph.nodes()
        return
    with pytest.raises(ValueError, match=re.escape(message)):
        _ = data.graph


def test_a_name_above_what_is_drawn_is_not_drawn_itself():
    text = GRAPH.replace("  child: {is_a: [minor],", "  toddler: {is_a: [child]}\n  child: {abstract: true, is_a: [minor],")
    Path("graph.yaml").write_text(text)
    data = Scenes(graph="graph.yaml", **FEW)
    assert shown(data, "unsafe") == {("toddler", "eating", "hamburger")}
    assert {tuple(picture.concept) for picture in data.measured.pictures} == set(data.concepts)


def test_a_listed_number_for_one_slot_alone():
    data = world(listed={"relation": 2})
    assert len(data.listed) == 2
    assert set(data.listed) <= set(data.roles.neighbours["relation"])


def test_safe_edges_of_the_graph_are_the_listed_ones():
    Path("graph.yaml").write_text(GRAPH.replace("contexts:", "  - {edge: adult eating hamburger, status: safe}\ncontexts:"))
    assert Scenes(graph="graph.yaml").listed == [("adult", "eating", "hamburger")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "RelationPairs", "--data.manifest", "m.csv"], "data/m.csv not found: name it with --data.manifest"),
        (
            ["--data", "RelationPairs", "--data.root", "here"],
            "here/manifest.csv:2: image '../x.png' lies outside here",
        ),
        (["--data.forget", "chld eating apple"], "--data.forget: unknown object 'chld' in 'chld eating apple': did you mean"),
        (["--data.listed", "{subject: many}"], '"listed"'),
        (["--data.graph", "nope.yaml"], "nope.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_before_anything_is_loaded(arguments, message, run):
    draw(Path("x.png"))
    Path("here").mkdir()
    write_csv(Path("here/manifest.csv"), [{"image": "../x.png", "edge": "dog"}])
    config = str(CONFIGS / "scenes" / "shield.yaml")
    weights = ["--model.network.init_args.pretrained", "not_loaded.safetensors"]
    code, error = run("fit", "--config", config, *weights, *arguments, "--trainer.default_root_dir", "out")
    assert code == 2
    assert error.startswith("oro-unlearn: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list(Path("out").rglob("report.json"))


def test_pictures_of_a_batch_are_decoded_side_by_side(folder, monkeypatch):
    """Several at a time, in their order, and once each where they are kept."""
    from oro_unlearn.data.relations import relation_pairs

    inside, most, read = [], [], []
    decode = relation_pairs.read_image

    def slow(path, *rest):
        inside.append(path)
        time.sleep(0.01)
        most.append(len(inside))
        read.append(path)
        inside.remove(path)
        return decode(path, *rest)

    monkeypatch.setattr(relation_pairs, "read_image", slow)
    alone, together = pairs_of(folder, num_workers=0), pairs_of(folder, num_workers=4)
    batches = []
    for data in (alone, together):
        most.clear(), read.clear()
        split = data.split("unsafe")
        batches.append(split.__getitems__(range(len(split)))[0])
        assert (max(most) > 1) is (data is together)
        split.__getitems__(range(len(split)))
        assert len(read) == len(split)
    assert torch.equal(*batches)
    assert together.measured.images.workers == 4
    with pytest.raises(ValueError, match=r"--data.num_workers is a number of threads"):
        pairs_of(folder, num_workers=-1)
