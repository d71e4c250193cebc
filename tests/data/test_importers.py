"""Published annotations as a graph and a manifest; every format is made here, small."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from oro_unlearn.cli import main
from oro_unlearn.data.relations.importers import annotation
from oro_unlearn.data.relations.importers.annotation import Annotation, list_items
from oro_unlearn.data.relations.importers.hico_det import gerund
from oro_unlearn.data.relations.manifest import read_manifest
from oro_unlearn.graph import load_graph

HOI = "index   object   verb\n----\n  1   bicycle   ride\n  2   bicycle   sit_on\n  3   wine_glass   no_interaction\n"
HICO = [
    {"file_name": "a.jpg", "hoi_annotation": [{"hoi_category_id": 1}, {"hoi_category_id": 1}, {"hoi_category_id": 3}]},
    {"file_name": "b.jpg", "hoi_annotation": [{"hoi_category_id": 2}]},
]
NAMED = {
    "filenames": ["a.jpg", "b.jpg"],
    "objects": ["bicycle", "wine_glass"],
    "verbs": ["ride", "sit_on", "no_interaction"],
    "annotation": [{"object": [0, 0, 1], "verb": [0, 0, 2]}, {"object": [0], "verb": [1]}],
}
GENOME = [
    {
        "image_id": 7,
        "relationships": [
            {"predicate": "Riding", "subject": {"name": "a Man"}, "object": {"names": ["bike"]}},
            {"predicate": "", "subject": {"name": "man"}, "object": {"name": "hat"}},
            {"predicate": "near", "subject": {"name": "man"}, "object": {"name": "man"}},
        ],
    },
    {"image_id": 8, "relationships": [{"predicate": "riding", "subject": {"names": ["man"]}, "object": {"name": "bike"}}]},
]
VRD = {"x.jpg": [{"predicate": 1, "subject": {"category": 0}, "object": {"category": 2}}], "y.jpg": []}
OPEN = "ImageID,LabelName1,LabelName2,XMin1,RelationshipLabel\n1a,/m/1,/m/2,0.5,inside_of\n1a,/m/1,/m/9,0.5,is\n"
CLASSES = "LabelName,DisplayName\n/m/1,Man\n/m/2,Car\n"


def made(folder: Path, files: dict[str, object]) -> list[str]:
    """Write files. Returns their paths."""
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return [str(folder / name) for name in files]


SOURCES = {
    "hico-det": {"trainval_hico.json": HICO, "hico_list_hoi.txt": HOI},
    "visual-genome": {"relationships.json": GENOME},
    "vrd": {"annotations_test.json": VRD, "objects.json": ["person", "hat", "car"], "predicates.json": ["on", "next to"]},
    "openimages": {"oidv6-validation-annotations-vrd.csv": OPEN, "oidv6-class-descriptions.csv": CLASSES},
}


@pytest.mark.parametrize(
    ("source", "files", "edges", "rows"),
    [
        ("hico-det", SOURCES["hico-det"], {"person riding bicycle": 2, "person sitting on bicycle": 1}, ["a.jpg", "b.jpg"]),
        (
            "hico-det",
            {"instances_train2015.json": NAMED},
            {"person riding bicycle": 2, "person sitting on bicycle": 1},
            ["a.jpg", "b.jpg"],
        ),
        ("visual-genome", SOURCES["visual-genome"], {"man riding bike": 2}, ["7.jpg", "8.jpg"]),
        ("vrd", SOURCES["vrd"], {"person next to car": 1}, ["x.jpg"]),
        ("openimages", SOURCES["openimages"], {"man inside of car": 1}, ["1a.jpg"]),
    ],
)
def test_a_data_set_becomes_a_graph_and_a_manifest(source, files, edges, rows, tmp_path, capsys):
    main(["graph", "import", *made(tmp_path, files), "--from", source, "--output", "graph.yaml", "--manifest", "manifest.csv"])
    graph, text = load_graph("graph.yaml"), Path("graph.yaml").read_text()
    assert {str(triple) for triple in graph.triples()} == set(edges)
    for edge, count in edges.items():
        assert f"# {count} " + " | ".join(graph.parse(edge)) in text
    table = list(csv.DictReader(Path("manifest.csv").read_text().splitlines()))
    assert [row["image"] for row in table] == rows
    assert {row["split"] for row in table} == {"train" if source == "hico-det" else "" if source == "visual-genome" else "test"}
    assert "graph.yaml" in capsys.readouterr().out
    for number, row in enumerate(table):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / row["image"])
    assert {" ".join(row.concept) for row in read_manifest("manifest.csv", tmp_path, graph).rows} == set(edges)


def test_rare_tuples_are_left_out(tmp_path, capsys):
    files = made(tmp_path, SOURCES["hico-det"])
    main(["graph", "import", *files, "--from", "hico-det", "--min-count", "2", "--manifest", "m.csv"])
    assert [str(triple) for triple in load_graph("graph.yaml").triples()] == ["person riding bicycle"]
    assert Path("m.csv").read_text().count("\n") == 2
    assert "3 annotations of 2 tuples; 1 others are skipped" in capsys.readouterr().out


def test_a_tuple_that_can_be_read_in_two_ways_is_left_out_of_the_manifest(tmp_path, capsys):
    pairs = [("man", "on", "top bunk"), ("man", "on top", "bunk")]
    entries = [{"predicate": r, "subject": {"name": s}, "object": {"name": o}} for s, r, o in pairs]
    files = made(tmp_path, {"relationships.json": [{"image_id": 1, "relationships": entries}]})
    main(["graph", "import", *files, "--from", "visual-genome", "--manifest", "m.csv"])
    assert "0 rows; 2 tuples are left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "change", "message"),
    [
        (
            "hico-det",
            {"trainval_hico.json": [{"file_name": "a.jpg"}]},
            "entry 0 has no key 'hoi_annotation'; its keys: file_name",
        ),
        (
            "hico-det",
            {"trainval_hico.json": [{"file_name": "a.jpg", "hoi_annotation": [{"hoi_category_id": 9}]}]},
            "9 is none of the numbers 1 to 3",
        ),
        ("hico-det", {"trainval_hico.json": {"filenames": []}}, "has no key 'objects'"),
        ("hico-det", {"hico_list_hoi.txt": "nothing"}, "no line with number, object and verb"),
        ("visual-genome", {"relationships.json": {"image_id": 1}}, "must be a list, which begins with ["),
        (
            "visual-genome",
            {"relationships.json": '[{"image_id": 1, "relationships": []}, {"image'},
            "entry 1 is not valid JSON, or the file ends",
        ),
        ("visual-genome", {"relationships.json": [{"image_id": "1"}]}, "entry 0: 'image_id' must be a number, not \"1\""),
        ("visual-genome", {"relationships.json": [3]}, "entry 0 must be an object with the key 'image_id', not 3"),
        ("visual-genome", {"relationships.json": []}, "nothing is left with --min-count 1: no entry states a relation"),
        ("vrd", {"objects.json": ["person"]}, "'x.jpg', relationship 0: category 2 is none of the numbers 0 to 0"),
        ("vrd", {"predicates.json": {"on": 1}}, "must be a list of names"),
        ("vrd", {"annotations_test.json": "{"}, "is not valid JSON"),
        (
            "openimages",
            {"oidv6-class-descriptions.csv": "/m/1,Man\n"},
            "csv:2: oidv6-class-descriptions.csv has no class '/m/2'",
        ),
        ("openimages", {"oidv6-validation-annotations-vrd.csv": "ImageID\n"}, "csv:1: no column 'LabelName1'"),
        ("openimages", {"oidv6-validation-annotations-vrd.csv": OPEN + "1,2\n"}, "csv:4: 2 values, but 5 columns"),
    ],
)
def test_a_wrong_file_is_one_line_and_leaves_nothing(source, change, message, tmp_path, capsys):
    files = made(tmp_path, {**SOURCES[source], **change})
    with pytest.raises(SystemExit) as stop:
        main(["graph", "import", *files, "--from", source, "--output", "out.yaml"])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.glob("*out.yaml*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "vrd", "objects.json"], "one file with the names of the predicates is needed"),
        (["--from", "visual-genome", "missing.json"], "missing.json not found"),
        (["--from", "coco", "x.json"], "invalid choice: 'coco'"),
        (["--from", "vrd"], "the following arguments are required: FILE"),
        (["--from", "visual-genome", "x.json", "--min-count", "0"], "--min-count 0 must be at least 1"),
        (["--from", "visual-genome", "x.json", "--output", "there.yaml"], "there.yaml is there already"),
        (["--from", "visual-genome", "x.json", "--manifest", "m.txt"], "must end in .csv"),
    ],
)
def test_a_wrong_option_is_one_line(words, message, capsys):
    Path("there.yaml").write_text("mine")
    with pytest.raises(SystemExit):
        main(["graph", "import", *words])
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert Path("there.yaml").read_text() == "mine"


def test_too_many_names_ask_for_a_larger_count(tmp_path, capsys):
    entries = [{"predicate": "on", "subject": {"name": f"a{n}"}, "object": {"name": f"b{n}"}} for n in range(1001)]
    files = made(tmp_path, {"relationships.json": [{"image_id": 1, "relationships": entries}]})
    with pytest.raises(SystemExit):
        main(["graph", "import", *files, "--from", "visual-genome"])
    assert "2002 objects are too many, at most 2000: choose a larger --min-count than 1" in capsys.readouterr().err


def test_a_list_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(annotation, "PIECE", 5)
    items = [{"a": "x" * 40}, 123456789, [], "é", {"b": [1, 2]}]
    path = tmp_path / "list.json"
    path.write_text(f" {json.dumps(items, indent=1)} \n", encoding="utf-8")
    assert [item for _, item in list_items(path)] == items


@pytest.mark.parametrize(
    ("names", "triple"),
    [
        (("A Man", "riding_", "T-shirt"), ("man", "riding", "t shirt")),
        (("man", "on", "MAN"), None),
        (("", "on", "man"), None),
        (("one two three four five six seven", "on", "man"), None),
    ],
)
def test_names_are_cleaned(names, triple):
    assert Annotation("x.jpg", *names, "").triple == triple


@pytest.mark.parametrize(
    ("verb", "form"),
    [("pick up", "picking up"), ("cut with", "cutting with"), ("dry", "drying"), ("board", "boarding"), ("tie", "tying")],
)
def test_verbs_take_the_form_of_a_caption(verb, form):
    assert gerund(verb) == form


def test_a_graph_file_called_import_is_given_with_its_folder(capsys):
    Path("import").write_text("objects: {a: {}, b: {}}\nrelations: {on: {}}\nedges: [{edge: a on b, status: unsafe}]\n")
    main(["graph", "./import"])
    assert capsys.readouterr().out.startswith("unsafe (1): a on a b\n")


def imported(folder: Path, source: str, files: dict[str, object]) -> str:
    """Import a graph. Returns its text."""
    graph = folder / "made.yaml"
    main(["graph", "import", *made(folder, files), "--from", source, "--output", str(graph)])
    return graph.read_text()


def test_a_block_of_edges_can_be_pasted_into_the_graph(tmp_path):
    text = imported(tmp_path, "visual-genome", {"relationships.json": GENOME})
    before, sign, after = text.partition("edges:")
    line, _, rest = after.partition("\n")
    path = tmp_path / "pasted.yaml"
    path.write_text(f"{before}{sign}{line}\n  - {{subject: man, relation: riding, object: bike, status: unsafe}}\n{rest}")
    assert [str(edge.triple) for edge in load_graph(path).edges] == ["man riding bike"]


def test_test_pictures_of_hico_det_have_numbers_of_verbs_and_boxes(tmp_path):
    hoi = {"subject_id": 0, "object_id": 1, "category_id": 2}  # verbs in alphabetical order: no_interaction, ride, sit_on
    entry = {"file_name": "t.jpg", "annotations": [{"category_id": 1}, {"category_id": 46}], "hoi_annotation": [hoi]}
    text = imported(tmp_path, "hico-det", {"test_hico.json": [entry], "hico_list_hoi.txt": HOI})
    assert "# 1 person | riding | wine glass" in text


def test_the_oldest_pictures_of_visual_genome_are_called_id(tmp_path):
    old = [{"id": entry["image_id"], "relationships": entry["relationships"]} for entry in GENOME]
    assert "# 2 man | riding | bike" in imported(tmp_path, "visual-genome", {"relationships.json": old})


def test_names_that_are_too_long_are_skipped(tmp_path):
    relationships = [
        {"predicate": "on", "subject": {"name": name}, "object": {"name": "street"}} for name in ("car", "x" * 1500)
    ]
    text = imported(tmp_path, "visual-genome", {"relationships.json": [{"image_id": 1, "relationships": relationships}]})
    assert "xxx" not in text


@pytest.mark.parametrize("key", ["filenames", "objects", "verbs"])
def test_names_of_hico_det_are_text(tmp_path, capsys, key):
    with pytest.raises(SystemExit):
        imported(tmp_path, "hico-det", {"instances_train2015.json": NAMED | {key: [3, None, 4]}})
    assert f"'{key}' must be a list of names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "file", "others"),
    [
        ("visual-genome", "relationships.json", {}),
        ("hico-det", "hico_list_hoi.txt", {"trainval_hico.json": HICO}),
        ("openimages", "oidv6-class-descriptions.csv", {"oidv6-validation-annotations-vrd.csv": OPEN}),
    ],
)
def test_text_in_another_encoding_is_refused(tmp_path, capsys, source, file, others):
    (tmp_path / file).write_bytes('[{"image_id": 1, "café'.encode("latin-1"))
    words = [str(tmp_path / file), *made(tmp_path, others), "--output", str(tmp_path / "o.yaml")]
    with pytest.raises(SystemExit):
        main(["graph", "import", *words, "--from", source])
    assert f"{file} is not UTF-8 text" in capsys.readouterr().err
