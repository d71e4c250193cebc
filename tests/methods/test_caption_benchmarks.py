"""Figures of caption benchmarks on embeddings that are written down."""

import json
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from oro_unlearn.cli import main
from oro_unlearn.data.relations.benchmarks import CaptionBenchmark, Item
from oro_unlearn.methods.relations.caption_benchmarks import measure_benchmarks
from oro_unlearn.report.benchmark_tables import benchmark_part, benchmark_sections
from tests import small_world

TEXTS = {"x": [1.0, 0.0], "y": [0.0, 1.0], "z": [1.0, 1.0]}


class Fake:
    """Captions and pictures have the embeddings of their first letter; the edited model exchanges x and y."""

    device = torch.device("cpu")
    network = SimpleNamespace(image_size=2)

    def models(self):
        return ["original", "unlearned"]

    def text_features(self, role, captions):
        vectors = torch.tensor([TEXTS[caption[0]] for caption in captions])
        return normalize(vectors.flip(1) if role == "unlearned" else vectors, dim=1)

    def picture_features(self, images):
        return dict.fromkeys(self.models(), normalize(images[:, :2, 0, 0].float(), dim=1))


def benchmark(tmp_path, items, shown) -> CaptionBenchmark:
    """A benchmark with a picture of one colour, by name, for each of the items that are shown."""
    for name, (red, green) in shown.items():
        Image.new("RGB", (2, 2), (red, green, 0)).save(tmp_path / f"{name}.png")
    return CaptionBenchmark("made", [], items, {name: tmp_path / f"{name}.png" for name in shown})


def test_accuracy_is_the_mean_of_the_kinds_and_missing_pictures_are_skipped(tmp_path):
    items = [Item("one", "x", "y", "a"), Item("one", "y", "x", "a"), Item("two", "x", "z", "a"), Item("two", "x", "y", "b")]
    (found,) = measure_benchmarks(Fake(), [benchmark(tmp_path, items, {"a": (9, 0)})])
    assert (found["items"], found["skipped"], found["chance"]) == (4, 1, {"accuracy": 0.5})
    before, after = found["figures"]["original"], found["figures"]["unlearned"]
    assert {name: before[name] for name in before if name != "margin"} == {
        "accuracy": 0.75,
        "accuracy/one": 0.5,
        "accuracy/two": 1,
    }
    assert after["accuracy/two"] == 0
    assert after["drift"] == pytest.approx(2 / 3), "x and y are orthogonal to what they were, z is the same"
    assert before["margin"] == pytest.approx((1 + 1 + 1 - 2**-0.5 + 1) / 4)


def test_without_pictures_the_captions_are_measured_alone(tmp_path):
    (found,) = measure_benchmarks(Fake(), [benchmark(tmp_path, [Item("one", "x", "z", "a")], {})])
    assert found["chance"] == {}
    assert found["figures"]["original"] == {"margin": pytest.approx(1 - 2**-0.5)}
    assert set(found["figures"]["unlearned"]) == {"drift", "margin"}


def test_captions_without_foils_have_an_auc(tmp_path):
    items = [Item("on", "x", "", "a"), Item("on", "y", "", "a", right=False), Item("on", "z", "", "a", right=False)]
    (found,) = measure_benchmarks(Fake(), [benchmark(tmp_path, items, {"a": (9, 0)})])
    assert found["figures"]["original"] == {"auc": 1}
    assert found["figures"]["unlearned"]["auc"] == 0
    assert found["chance"] == {"auc": 0.5}


def test_winoground_needs_both_pictures(tmp_path):
    items = [Item("all", "x", "y", "a", partner=1), Item("all", "y", "x", "b", partner=0)]
    items += [Item("all", "x", "z", "a", partner=3), Item("all", "z", "x", "c", partner=2)]
    (found,) = measure_benchmarks(Fake(), [benchmark(tmp_path, items, {"a": (9, 0), "b": (0, 9)})])
    before = {name: found["figures"]["original"][name] for name in ("text", "image", "group")}
    assert before == {"text": 1, "image": 1, "group": 1}
    assert found["figures"]["unlearned"]["group"] == 0
    assert found["chance"]["group"] == pytest.approx(1 / 6)


def test_rows_of_the_table(tmp_path):
    items = [Item("one", "x", "y", "a"), Item("two", "x", "z", "b")]
    report = {"benchmarks": measure_benchmarks(Fake(), [benchmark(tmp_path, items, {"a": (9, 0)})])}
    assert benchmark_part(report).rows == [
        ["made, 1 of 2 items: picks the caption over its foil, mean of the kinds", "1.000", "0.000", "0.500"],
        ["  one", "1.000", "0.000", "0.500"],
        ["made, 1 of 2 items: 1 - cosine of caption and foil", "0.646", "0.646", ""],
        ["made, 1 of 2 items: 1 - cosine of a caption with itself before the edit", "–", "0.667", ""],
    ]
    assert len(list(benchmark_sections(report))) == 1
    assert not benchmark_part({}).rows
    assert not list(benchmark_sections({}))


def test_a_run_measures_the_benchmarks_that_are_named(relational, tmp_path):
    entry = {"filename": "1.jpg", "caption": "a child eating a cake", "negative_caption": "a child under a cake"}
    (tmp_path / "crepe").mkdir()
    (tmp_path / "crepe" / "replace_rel.json").write_text(json.dumps({"0": entry}))
    words = relational("--trainer.default_root_dir", "out", *small_world.FEW_PICTURES, *small_world.ONE_BATCH)
    main(["fit", *words, "--data.benchmarks", "[sugarcrepe:crepe]", "--audit.attacks", "none"])
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (found,) = report["benchmarks"]
    assert (found["name"], found["items"], found["skipped"]) == ("sugarcrepe", 1, 1)
    assert 0 < found["figures"]["original"]["margin"] < 2
    assert found["figures"]["unlearned"]["drift"] > 0
    assert "1 - cosine of caption and foil" in (tmp_path / "out" / "report.html").read_text()
