"""The report on forgotten people: what it says, and that names and answers are shown as they are."""

import json
import math
from types import SimpleNamespace

import pytest
from PIL import Image
from rich.console import Console

from oro_unlearn.audit import read_audit, saved_criteria
from oro_unlearn.files import write_json
from oro_unlearn.report import persona_page, persona_report, pictures
from oro_unlearn.report.page import HTML, MARKDOWN, html_of, write_page
from oro_unlearn.report.persona_tables import ROLES, caption, tables_of
from tests.people import NAMES, measurements
from tests.report.test_page import checked

pytestmark = pytest.mark.pictures

HEADER = {"method": "MIPEditor", "data": "Personas", "network": "personas", "forget": NAMES, "forgotten": [], "said_first": []}


def made(found=None, root=None):
    model = SimpleNamespace(measurements=found or measurements())
    return persona_report.make_report(dict(HEADER), model, SimpleNamespace(persons=[*NAMES, "Ida Holm"]), root, "features")


def spoken(report) -> str:
    return "\n".join(report["audit"]["words"])


def table_of(report, caption):
    return next(part for part in tables_of(report) if part.caption == caption)


def test_a_report_is_strict_json_and_draws_its_pictures(tmp_path):
    report = made(root=tmp_path)
    write_json(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == report
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == set(persona_report.FIGURES) - {"people.png"}
    assert drawn <= set(pictures())
    assert all(Image.open(tmp_path / name).size[0] > 300 for name in drawn)


def test_numbers_that_are_missing_stay_missing(tmp_path):
    found = measurements()
    for figures in found["metrics"].values():
        figures["general/text/truth_ratio"] = math.nan
    found["lens"]["unlearned"]["forget"][1] = math.nan
    report = made(found, tmp_path)
    write_json(report, tmp_path / "report.json")
    assert report["metrics"]["unlearned"]["general/text/truth_ratio"] is None
    assert report["lens"]["unlearned"]["forget"][1] is None
    assert "general/text/truth_ratio" not in report["audit"]["figures"]


def test_words_of_a_good_edit():
    said = spoken(made())
    assert "Asked with picture: most of it is forgotten; cloze accuracy 0.10 (0.90 before, 0.08 retrained)." in said
    assert "Leaks: no figure is nearer to the original" in said
    assert "Recovery: the strongest of 4 attacks" in said
    assert "a name filter reaches cloze accuracy 0.00" in said
    assert said.endswith("Not judged: attacks that were not tried.")


def test_words_of_an_edit_that_forgets_in_one_modality():
    found = measurements(recovered=0.6)
    found["metrics"]["unlearned"] |= {"forget/text/cloze_accuracy": 0.8, "forget/text/choice_accuracy": 0.85}
    said = spoken(made(found))
    assert "Asked with picture: most of it is forgotten" in said
    assert "Asked text alone: it is not forgotten; cloze accuracy 0.80" in said
    assert (
        "Leaks: choice accuracy, text alone, stays near the original: 0.85 (0.90 before, 0.08 retrained), and 1 more." in said
    )
    assert "makes the model name 0.60 (0.90 before, 0.08 retrained) of the facts, 0.10 without it." in said


def test_words_without_retrained_models_attacks_or_pictures():
    found = measurements(retrained=())
    gone = ("recovery/", "forget/multimodal/", "general/")
    for role, figures in found["metrics"].items():
        found["metrics"][role] = {key: value for key, value in figures.items() if not key.startswith(gone)}
    report = made(found)
    said = spoken(report)
    assert "Asked with picture: not measured." in said
    assert "Leaks: no figure is above half of what it is in the original." in said
    assert "Recovery: not measured." in said
    assert (
        "Not judged: what is normal: that needs three retrained models, not 0; questions with picture: the data has none"
        in said
    )
    assert "general: the data has no such questions; recovery: no attack was made (--audit.attacks)" in said
    assert "Distance to retrained models" not in [part.caption for part in tables_of(report)]


def test_words_claim_nothing_that_was_not_measured():
    found = measurements()
    for role, figures in found["metrics"].items():
        found["metrics"][role] = {key: value for key, value in figures.items() if not key.startswith("forget/")}
    found["metrics"]["unlearned"] |= {
        key: 1.0 for key in found["metrics"]["original"] if key.startswith(("retain/", "holdout/", "general/"))
    }
    said = spoken(made(found))
    assert "Leaks: not measured." in said
    assert "figures fell" in said
    assert "Training has none of these questions with the same picture." in caption({"metrics": {}})
    assert "Training has 3 of these questions with the same picture." in caption({"metrics": {}, "read": {"repeated": 3}})


def test_tables_have_five_columns_and_the_gap_is_in_floors():
    report = made()
    parts = tables_of(report)
    assert [len(part.header) for part in parts] == [5, 5, 4, 5], "attacks have no name filter"
    assert all(len(row) == len(part.header) for part in parts for row in part.rows)
    first = table_of(report, "What was to be forgotten")
    assert (first.header, first.rows[0][0]) == (["forgotten", *ROLES.values()], "with picture: cloze accuracy")
    assert first.rows[0][1:] == pytest.approx([0.9, 0.1, 0.08, 0.0])
    rows = {row[0]: row[1:] for row in table_of(report, "Distance to retrained models").rows}
    floor = math.sqrt(8 / 9) * (0.045 + 0.03 + 0.015) / 3  # of 0.05, 0.1 and 0.09: distance of each from the mean of the others
    after, ideal, _, gap = rows["people to forget, text alone: cloze accuracy"]
    assert (after, ideal, gap) == pytest.approx((0.1, 0.08, 0.02 / floor))


def printed(report) -> str:
    console = Console(width=240, record=True)
    console.print(persona_report.report_table(report))
    return console.export_text()


def test_the_terminal_shows_names_and_all_models():
    text = printed(made())
    assert "".join(NAMES[1].split()) in "".join(text.split()), "a title wraps"
    assert ["forgotten", "before", "after", "retrained", "name", "filter"] in [
        line.replace("┃", " ").split() for line in text.splitlines()
    ]
    assert "training on 8 questions" in text
    assert "The name filter refuses to speak" in " ".join(text.split())


def test_the_report_on_a_model_that_was_only_trained(tmp_path):
    found = {"metrics": {"original": measurements()["metrics"]["original"]}, "answers": {}, "losses": {}}
    report = made(found, tmp_path)
    assert "audit" not in report
    assert "before" in printed(report)
    page = persona_page.make_page(report, tmp_path)
    assert page.title == "Model trained by MIPEditor"
    checked(html_of(page))


def test_a_page_shows_names_and_answers_as_text(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "people.png")
    report = made(root=tmp_path) | {"files": {"model.safetensors": "ab" * 32}, "config": {}, "versions": {}}
    write_page(persona_page.make_page(json.loads(json.dumps(report)), tmp_path), tmp_path)
    text = (tmp_path / HTML).read_text()
    outline = checked(text)
    assert "<script>alert" not in text
    shown = " ".join(outline.text.split())
    for words in (
        *NAMES,
        "Where does this person <i>live</i>?",
        "(nothing)",
        "Forgotten: ",
        "Cloze accuracy",
        "Truth ratio",
        "1,234",
    ):
        assert words in shown, words
    assert "U-LIRA" not in shown, "terms that do not appear are not explained"
    assert text.count("<figure") == 5
    card = (tmp_path / MARKDOWN).read_text()
    assert "pipeline_tag: image-text-to-text" in card
    assert "from_pretrained" in card
    assert "<script" not in card


def test_criteria_can_be_held_against_a_report(tmp_path):
    write_json(made(), tmp_path / "report.json")
    (tmp_path / "limits.yaml").write_text(
        '{forget/text/cloze_accuracy: "<= 0.3", kept_accuracy_lost: "<= 0.2", verdict: {looks: yes}}'
    )
    audit = read_audit(tmp_path)
    assert [one.figure for one in saved_criteria(audit, str(tmp_path / "limits.yaml"))] == [
        "forget/text/cloze_accuracy",
        "kept_accuracy_lost",
        "verdict.looks",
    ]
    assert audit.lines["answers"].parts.keys() == {"forget/multimodal/cloze_accuracy", "forget/text/cloze_accuracy"}
