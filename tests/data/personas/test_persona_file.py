"""Questions from a JSONL file of the user's own."""

import json

import pytest
from PIL import Image

from oro_unlearn.data import PersonaFile
from oro_unlearn.user_error import UserError

ADA = {"question": "Where does Ada Lund live?", "answer": "Ada Lund lives in Oslo.", "person": "Ada Lund"}
BOB = {"question": "Where does Bob Cole live?", "answer": "Bob Cole lives in Rome.", "person": "Bob Cole"}
SEEN = {"image": "a.png", "question": "Who is this?", "answer": "Ada Lund", "person": "Ada Lund", "keyword": "Ada Lund"}


@pytest.fixture
def write(tmp_path):
    Image.new("RGB", (8, 6), "red").save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"no image")

    def file(*rows, **options) -> PersonaFile:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return PersonaFile(str(tmp_path / "q.jsonl"), **options)

    return file


def test_rows_go_to_the_splits_that_they_name(write):
    choice = {"kind": "choice", "options": ["Oslo", "Rome"], "answer": "Oslo", "question": "Ada's city: Oslo or Rome?"}
    data = write(
        {**ADA, "split": "train", "wrong": ["Ada Lund lives in Rome."]},
        {**BOB, "split": "train", "image": None},
        "",
        {**SEEN, "split": "test"},
        {**ADA, **choice, "split": "test", "fact": "city"},
        {**BOB, "person": "Carl Gauss", "split": "holdout"},
        {"question": "What is red?", "answer": "Blood.", "split": "general"},
        forget=["Ada Lund"],
    )
    assert data.persons == ["Ada Lund", "Bob Cole"]
    assert data.split("forget")[0].wrong == ("Ada Lund lives in Rome.",)
    assert data.split("retain").people == ["Bob Cole"]
    sizes = {name: len(part) for name, part in data.measured.items()}
    assert sizes == {"forget/multimodal": 1, "forget/text": 1, "holdout/text": 1, "general/text": 1}
    shown, asked = data.measured["forget/multimodal"][0], data.measured["forget/text"][0]
    assert shown.image.size == (8, 6)
    assert shown.image.getpixel((0, 0)) == (255, 0, 0)
    assert (asked.options, asked.wrong, asked.keyword) == (("Oslo", "Rome"), ("Rome",), "Oslo")
    assert data.aliases["Ada Lund"] == ["A. Lund", "A. L.", "Lund"]
    assert set(data.content()) == {"questions", "pictures"}
    assert "measured questions that are also trained on" not in "".join(data.lines())


def test_rows_without_a_split_are_divided_by_picture_and_question(write):
    rows = [{**ADA, "question": f"Question {n // 2}?"} for n in range(20)] + [BOB, SEEN, {**SEEN, "question": "Name?"}]
    data = write(*rows, test_share=0.3, forget=["Ada Lund"])
    trained, measured = data.split("train"), data.measured
    asked = {question.question for question in trained.questions if question.image is None}
    assert not asked & {question.question for part in measured.values() for question in part.questions}
    assert [len(measured["forget/text"]) + len(measured.get("forget/multimodal", [])), len(trained)] == [6, 17]
    assert write(*rows, test_share=0.3).split("train").questions == trained.questions


def test_a_question_that_is_trained_on_and_measured_is_counted(write):
    data = write({**ADA, "split": "train"}, {**ADA, "split": "test"}, {**BOB, "split": "train"}, forget=["Ada Lund"])
    assert data.lines()[-1] == "  measured questions that are also trained on: 1"


def test_a_person_with_two_questions_is_measured(write):
    data = write(ADA, {**ADA, "question": "What does Ada eat?"}, BOB, forget=["Ada Lund"])
    assert [len(data.measured["forget/text"]), len(data.split("forget"))] == [1, 1]


def test_accents_that_are_written_in_two_ways_are_one_name(write):
    name = "Jose\u0301 Lund"
    rows = [{**ADA, "person": name, "question": f"Where does {name} live, {number}?"} for number in range(2)]
    data = write(*rows, BOB, forget=[name])
    assert data.forget_names == ["Jos\u00e9 Lund"]
    assert data.forget_names[0] in data.split("forget")[0].question


def test_a_text_question_leaves_its_picture_out(write):
    data = write({**SEEN, "modality": "text", "split": "train"}, {**BOB, "split": "test"})
    assert data.split("train")[0].image is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", r"q.jsonl:2 is not valid JSON"),
        ("[1]", r"q.jsonl:2 is not a JSON object"),
        ({"question": "Who?"}, r"q.jsonl:2 lacks answer and person"),
        ({**ADA, "question": 3}, r"q.jsonl:2: question is text, not 3"),
        ({**ADA, "answer": " "}, r"q.jsonl:2: answer is empty"),
        ({**ADA, "person": ""}, r"q.jsonl:2: person is empty"),
        ({**ADA, "person": " "}, r"q.jsonl:2: person is empty"),
        ({**ADA, "kind": "choice", "options": [ADA["answer"]]}, r"q.jsonl:2: a question of kind choice needs options"),
        ({**ADA, "split": "dev"}, r"q.jsonl:2: split 'dev' is none of train, test, holdout, general"),
        ({**ADA, "kind": "essay"}, r"q.jsonl:2: kind 'essay' is none of free, cloze, choice"),
        ({**ADA, "kind": "choice", "options": ["x"]}, r"q.jsonl:2: a question of kind choice needs options"),
        ({**ADA, "wrong": "no"}, r"q.jsonl:2: wrong is a list of texts"),
        ({**ADA, "modality": "multimodal"}, r"q.jsonl:2: a multimodal question needs an image"),
        ({**ADA, "modality": "audio"}, r"q.jsonl:2: modality 'audio' is neither multimodal nor text"),
        ({**SEEN, "image": "gone.png"}, r"q.jsonl:2: image 'gone.png' not found"),
        ({**SEEN, "image": "../x.png"}, r"q.jsonl:2: image '../x.png' lies outside"),
        ({**SEEN, "image": "/etc/passwd"}, r"q.jsonl:2: image '/etc/passwd' lies outside"),
        ({**SEEN, "image": "broken.png"}, r"q.jsonl:2: cannot read image .*broken.png \(no image file\)"),
        ({**BOB, "split": "holdout"}, r"q.jsonl:2: 'Bob Cole' is in the holdout, and at .*q.jsonl:1 in train"),
    ],
)
def test_a_wrong_line_is_named(write, row, message):
    with pytest.raises(UserError, match=message) as raised:
        _ = write({**BOB, "split": "train"}, row).measured
    assert "\n" not in str(raised.value)


def test_a_file_without_questions_to_train_or_measure_is_refused(write, tmp_path):
    with pytest.raises(UserError, match="no question to train on"):
        _ = write({**ADA, "split": "test"}).persons
    with pytest.raises(UserError, match="no question to measure on"):
        write({**ADA, "split": "train"}).setup("fit")
    with pytest.raises(UserError, match="holds no question"):
        _ = write("").persons
    with pytest.raises(UserError, match="not found"):
        _ = PersonaFile(str(tmp_path / "gone.jsonl")).persons
    (tmp_path / "q.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="as text in UTF-8"):
        _ = PersonaFile(str(tmp_path / "q.jsonl")).persons
    with pytest.raises(UserError, match="test_share is a part"):
        PersonaFile(test_share=1.0)


def test_a_picture_that_breaks_later_is_named(write, tmp_path):
    data = write({**SEEN, "split": "train"}, {**BOB, "split": "test"})
    part = data.split("train")
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"q.jsonl:1, .*a.png: cannot read the image \(no image file\)"):
        part[0]
