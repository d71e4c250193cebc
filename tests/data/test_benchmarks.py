"""Caption benchmarks are read from their published files, with and without pictures."""

import json

import pytest
import torch
from PIL import Image

from oro_unlearn.data.relations.benchmarks import read_benchmarks
from oro_unlearn.user_error import UserError

CREPE = {"filename": "1.jpg", "caption": "a cat on a mat", "negative_caption": "a cat under a mat"}
ARO = {
    "image_path": "2.jpg", "true_caption": "the cat is on the mat", "false_caption": "the mat is on the cat",
    "relation_name": "on", "bbox_x": 2, "bbox_y": 0, "bbox_w": 4, "bbox_h": 8,
}  # fmt: skip
VSR = [
    {"image": "1.jpg", "caption": "The cat is on the mat.", "label": 1, "relation": "on"},
    {"image": "3.jpg", "caption": "The cat is under the mat.", "label": 0, "relation": "under"},
]
GROUND = {
    "image_0": "ex_0_img_0",
    "image_1": "ex_0_img_1",
    "caption_0": "a in b",
    "caption_1": "b in a",
    "collapsed_tag": "Object",
}
FILES = {
    "sugarcrepe": {"replace_rel.json": {"0": CREPE}, "swap_obj.json": {"0": CREPE, "7": CREPE}},
    "aro": {"visual_genome_relation.json": [ARO], "visual_genome_attribution.json": [ARO]},
    "vsr": {"test.jsonl": VSR},
    "winoground": {"examples.jsonl": [GROUND]},
}


@pytest.fixture
def folder(tmp_path):
    """A function that writes the files of a benchmark."""

    def write(files, inner=""):
        (tmp_path / "data" / inner).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            lines = name.endswith("jsonl") and isinstance(content, list)
            text = (
                "\n".join(map(json.dumps, content)) if lines else content if isinstance(content, str) else json.dumps(content)
            )
            (tmp_path / "data" / inner / name).write_text(text)
        return tmp_path / "data"

    return write


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("sugarcrepe", ["replace_rel", "swap_obj", "swap_obj"]),
        ("aro", ["relation: on", "attribution"]),
        ("vsr", ["on", "under"]),
        ("winoground", ["Object", "Object"]),
    ],
)
@pytest.mark.parametrize("inner", ["", "inner"])
def test_items_of_each_benchmark(name, kinds, inner, folder):
    (found,) = read_benchmarks([f"{name}:{folder(FILES[name], inner)}"])
    assert [item.kind for item in found.items] == kinds
    assert found.shown == [], "no picture is there"
    assert len(found.texts) == len(set(found.texts)) == 2
    assert [path.name for path in found.files] == list(FILES[name])


def test_captions_that_are_wrong_and_partners(folder):
    (vsr,) = read_benchmarks([f"vsr:{folder(FILES['vsr'])}"])
    assert [(item.right, item.foil) for item in vsr.items] == [(True, ""), (False, "")]
    (ground,) = read_benchmarks([f"winoground:{folder(FILES['winoground'])}"])
    assert [(item.picture, item.caption, item.foil, item.partner) for item in ground.items] == [
        ("ex_0_img_0.png", "a in b", "b in a", 1),
        ("ex_0_img_1.png", "b in a", "a in b", 0),
    ]


def test_pictures_are_found_by_name_and_cropped(folder, tmp_path):
    inside = tmp_path / "pictures" / "val2017"
    inside.mkdir(parents=True)
    picture = Image.new("RGB", (8, 8), (255, 0, 0))
    picture.paste((0, 0, 255), (2, 0, 6, 8))
    picture.save(inside / "2.png")
    (inside / "2.png").rename(inside / "2.jpg")
    place = folder(FILES["aro"])
    (found,) = read_benchmarks([f"aro:{place}"], str(tmp_path / "pictures"))
    assert found.shown == [0, 1]
    assert torch.equal(found.image(0, 4), torch.tensor([0, 0, 255], dtype=torch.uint8)[:, None, None].expand(3, 4, 4))


@pytest.mark.parametrize(
    ("named", "files", "message"),
    [
        ("sugar:{}", {}, "unknown benchmark 'sugar': did you mean 'sugarcrepe'"),
        ("vsr", {}, "'vsr' does not name a folder: write vsr:FOLDER"),
        ("vsr:nowhere", {}, "does not name a folder"),
        ("vsr:{}", {"a.txt": "x"}, "has no file test.jsonl"),
        ("vsr:{}", {"test.jsonl": ""}, "has no items of vsr"),
        ("vsr:{}", {"test.jsonl": "{"}, "test.jsonl:1 is not valid JSON"),
        ("vsr:{}", {"test.jsonl": [{"image": "x"}]}, "test.jsonl:1 has no key 'relation'"),
        ("sugarcrepe:{}", {"add_obj.json": [1]}, "must be an object with the key ''"),
        ("sugarcrepe:{}", {"add_obj.json": {"4": {"caption": "x"}}}, "entry 4 has no key 'negative_caption'"),
        ("aro:{}", {"visual_genome_relation.json": {}}, "must be a list of items"),
        ("aro:{}", {"visual_genome_relation.json": [{**ARO, "bbox_x": "2"}]}, "'bbox_x' must be a number"),
    ],
)
def test_a_mistake_is_one_line(named, files, message, folder):
    place = folder(files)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        read_benchmarks([named.format(place)])
    assert message in str(error.value)


def test_a_box_outside_of_the_picture_is_one_line(folder):
    place = folder({"visual_genome_relation.json": [{**ARO, "bbox_x": 20}]})
    Image.new("RGB", (8, 8)).save(place / "2.jpg")
    (found,) = read_benchmarks([f"aro:{place}"])
    with pytest.raises(ValueError, match="is not in the picture, which has 8 x 8 pixels"):
        found.image(0, 4)


def test_one_file_in_two_folders_is_not_chosen_silently(folder):
    folder(FILES["vsr"], "random")
    root = folder(FILES["vsr"], "zeroshot")
    with pytest.raises(UserError, match=r"test\.jsonl is in .*random and in .*zeroshot: name one of them"):
        read_benchmarks([f"vsr:{root}"])
    assert len(read_benchmarks([f"vsr:{root / 'zeroshot'}"])[0].items) == 2
