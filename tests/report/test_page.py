"""The page and the model card of a report: complete, readable by everyone, safe, and small."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from oro_unlearn.audit import as_json, findings
from oro_unlearn.report import class_page, relation_page
from oro_unlearn.report.page import FEW, HTML, MARKDOWN, Table, html_of, write_page

NAMES = ['<script>alert("1")</script>', 'quote\' & "$x$" | `b`', "cat"]
VOID = {"meta", "img", "link", "br", "input"}


class Outline(HTMLParser):
    """What a reader with a screen reader gets of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings, self.tags, self.faults, self.scripts, self.text = [], set(), [], [], ""
        self.marks, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.open += [] if tag in VOID or "/" in tag else [tag]
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        self.marks += [given["id"]] if "id" in given else []
        self.scripts += [given.get("type", "")] if tag == "script" else []
        lacks = {"img": "alt", "th": "scope", "html": "lang"}.get(tag)
        named = given.get("role") != "img" or given.get("aria-label")
        loads = given.get("src") or (given.get("href", "#") if tag != "use" else "#")
        if (lacks and not given.get(lacks)) or not named or not loads.startswith(("data:", "#")):
            self.faults.append((tag, given))

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.text += "" if self.open and self.open[-1] in {"script", "style"} else data


def checked(text: str) -> Outline:
    """The outline of a page that has no fault."""
    outline = Outline(text)
    assert outline.faults == []
    assert outline.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False)), outline.headings
    assert {"main", "nav", "header", "footer", "caption"} <= outline.tags
    assert len(set(outline.marks)) == len(outline.marks)
    assert len(text.encode()) < 3e6
    return outline


@pytest.fixture
def content():
    """A small report on an edited classifier with names that are no plain words."""
    models = [{"acc_f": value, "acc_r": 0.9 + value / 100, "relearn_10": 0.5 + value} for value in (0.9, 0.1, 0.0, 0.2, 0.1)]
    found = findings(models[1], models[0], models[2:])
    line = {"answer": "no", "figure": "acc_f", "value": 0.1, "low": 0.0, "high": 0.2, "reason": f"seen: {NAMES[0]}."}
    verdict = {"level": "features", "forgotten": "no", "words": f"Verdict: no ({NAMES[0]})", "lines": {"answers": line}}
    row = [0, 5, *[1] * 62]
    counts = dict.fromkeys(("retain", "test_retain", "forget", "test_forget"), row)
    return {
        **{"method": "RWFT", "data": "mine", "network": NAMES[1], "forget": NAMES[:1], "forgotten": NAMES[1:2]},
        "said_first": [f"Nothing changed in {NAMES[0]}"],
        "metrics": {"original": {}, "unlearned": {}},
        "images": {"forget": 7, "retain": 1300},
        "neighbours": {NAMES[0]: NAMES[1]},
        "audit": {"words": [f"Asked: forget {NAMES[0]}.", "Not judged: more."], "figures": as_json(found), "verdict": verdict},
        "criteria": [{"criterion": "acc_f <= 0.5", "state": "met", "reason": "0.1"}],
        "redirection": {
            role: dict(zip(NAMES, (0.2, 0.3, 0.5), strict=True)) for role in ("original", "unlearned", "retrained")
        },
        "confusion": [[1, 2, 0], [0, 3, 0], [0, 0, 3]],
        "confidences": {"limit": 16.0, "counts": dict.fromkeys(("original", "unlearned", "retrained"), counts)},
        "files": {"model.safetensors": "ab" * 32},
        "versions": {"torch": "2"},
        "config": {"model": {"init_args": {"network": {"class_path": "my.Net", "init_args": {"name": NAMES[1]}}}}},
    }


@pytest.mark.pictures
def test_a_page_shows_names_as_text_and_takes_nothing_from_elsewhere(content, tmp_path):
    write_page(class_page.make_page(content, tmp_path), tmp_path)
    text = (tmp_path / HTML).read_text()
    outline = checked(text)
    assert set(outline.scripts) <= {"", "text/plain"}, "no script of a name"
    assert "<script>alert" not in text
    for words in (
        *NAMES[:2],
        "Forgotten: no",
        "Read this first",
        "Nothing changed",
        "acc_f <= 0.5",
        "no certificate",
        "ab" * 32,
    ):
        assert words in " ".join(outline.text.split()), words
    assert outline.tags >= {"svg", "dl", "pre"}
    assert text.count("<figure") == 4
    assert "Linear probe" not in outline.text, "terms that do not appear are not explained"
    assert "Relearning" in outline.text
    card = ModelCard.load(tmp_path / MARKDOWN)
    assert {result.metric_name: result.metric_value for result in card.data.eval_results} == {
        "accuracy on forgotten, test": 0.1,
        "accuracy on others, test": 0.901,
    }
    assert "<script" not in card.text
    assert "**Forgotten: no.**" in card.text
    assert "load_state_dict" in card.text


def test_only_tables_with_many_rows_can_be_sorted(content, tmp_path):
    page = class_page.make_page(content, tmp_path)
    assert "text/plain" not in Outline(html_of(page)).scripts, "no script that no table needs"
    table = Table("many", ["a", "b"], [["1", "2"]] * (FEW + 1))
    assert table.sortable
    assert not Table("few", ["a"], [["1"]]).sortable


def test_a_page_of_relations_has_its_pictures_and_is_small(finished, tmp_path):
    report = json.loads((finished / "report.json").read_text())
    outline = checked((finished / HTML).read_text())
    assert outline.tags >= {"img", "svg"}, "the contact sheet, and drawings of the cosines"
    assert outline.text.count("Contact sheet") == 0, "alternative text only"
    assert "child eating hamburger" in outline.text
    assert report["losses"]["l3_unsafe"]["step"] == [1, 2]
    assert ModelCard.load(finished / MARKDOWN).data.pipeline_tag == "zero-shot-image-classification"
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2400, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "closest.png")
    checked(html_of(relation_page.make_page(report, tmp_path)))


def test_a_new_run_removes_the_page_of_the_old_one(tmp_path):
    from oro_unlearn.cli.run_folder import RunFolder

    for name in (HTML, MARKDOWN):
        Path(tmp_path, name).write_text("old")
    RunFolder(tmp_path, {}).begin(lambda: None)
    assert list(tmp_path.iterdir()) == []
