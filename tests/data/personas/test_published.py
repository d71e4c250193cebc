"""CLEAR and MLLMU-Bench, from tiny files in their published layouts."""

import pytest
from PIL import Image
from pyarrow import parquet

from oro_unlearn.data import CLEAR, MLLMUBench
from oro_unlearn.user_error import UserError
from tests.data.personas.published_files import clear_rows, mllmu_rows, picture, write, write_clear, write_mllmu


@pytest.fixture
def clear(tmp_path):
    return write_clear(tmp_path)


def test_clear_is_read_in_its_published_folders(clear):
    data = CLEAR(str(clear))
    assert data.forget_names == ["Ada Lund"]
    assert data.persons == ["Ada Lund", "Bob Cole", "Cem Kaya"]
    assert {name: len(part) for name, part in data.measured.items()} == {
        **{"forget/multimodal": 2, "forget/text": 1, "retain/multimodal": 4, "retain/text": 2},
        **{"holdout/multimodal": 1, "general/multimodal": 1},
    }
    assert len(data.split("forget").with_picture(True)) == 8
    assert data.split("retain").with_picture(False).people == ["Bob Cole"] * 5 + ["Cem Kaya"] * 5
    said, called = (data.measured["forget/multimodal"][n] for n in (0, 1))
    assert said.wrong == ("Nobody.",)
    assert (called.answer, called.wrong) == ("This person is Ada Lund.", ("This person is Zoe Orr.",))
    assert said.image.size == (6, 6)
    assert said.image.getpixel((0, 0))[0] == int(said.answer.split("scene ")[1][0])
    real = data.measured["holdout/multimodal"][0]
    assert (real.kind, real.answer, set(real.options)) == ("choice", "Carl Gauss", {"Carl Gauss", "Leo Euler"})
    assert data.measured["general/multimodal"][0].question.startswith("What tower? Choose one: ")
    assert data.content() == CLEAR(str(clear)).content()


def test_no_measured_picture_of_clear_is_trained_on_and_every_fact_in_texts_is(clear):
    """Each question of TOFU asks for another fact: what is not taught cannot be forgotten."""
    data = CLEAR(str(clear), test_share=0.4)
    trained = data.split("train")
    assert not {q.question for q in trained.with_picture(True).questions} & {
        question.question for part in data.measured.values() for question in part.with_picture(True).questions
    }
    assert set(data.measured["forget/text"].questions) < set(trained.with_picture(False).questions)
    keys = {key for part in data.measured.values() for key in part.pictures if key}
    assert not {key for key in trained.pictures if key} & keys
    assert "  measured questions that are also trained on: 6" in data.lines()


def test_the_other_spelling_and_other_people_of_clear_are_found(clear):
    (clear / "forget05").rename(clear / "forget5")
    (clear / "forget05+tofu").rename(clear / "forget5+tofu")
    assert CLEAR(str(clear)).forget_names == ["Ada Lund"]
    assert CLEAR(str(clear), forget=["Cem Kaya"]).forget_names == ["Cem Kaya"]
    assert CLEAR(str(clear), forget_percent=0).forget_names == []


def test_what_is_wrong_with_a_copy_of_clear_is_one_line(clear):
    with pytest.raises(UserError, match=r"forget_percent of clear is 5, 1, 10 \(as published\) or 0, not 7"):
        CLEAR(str(clear), forget_percent=7)
    with pytest.raises(UserError, match="test_share is a part"):
        CLEAR(str(clear), test_share=0)
    with pytest.raises(UserError, match=r"no folder forget10 with Parquet files in .*: get the data set therem/CLEAR"):
        _ = CLEAR(str(clear), forget_percent=10).persons
    write(clear / "retain95", clear_rows(["Ada Lund"], 0))
    with pytest.raises(UserError, match="'Ada Lund' is in the folder to forget and in that to retain"):
        _ = CLEAR(str(clear)).persons
    write(clear / "retain95", [{"image": picture(0), "text": "x"}])
    with pytest.raises(UserError, match=r"retain95.*parquet lacks the columns caption, name"):
        _ = CLEAR(str(clear)).persons
    (clear / "forget05" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(UserError, match="not a Parquet file"):
        _ = CLEAR(str(clear)).persons


@pytest.mark.parametrize(
    ("folder", "rows", "message"),
    [
        ("forget05", [{**row, "caption": None} for row in clear_rows(["Ada Lund"], 0)], "row 0: caption is empty or not text"),
        ("forget05", [{**row, "name": " "} for row in clear_rows(["Ada Lund"], 0)], "row 0: name is empty or not text"),
        ("retain95+tofu", [{"question": "Q?", "answer": None}], "row 0: answer is empty or not text"),
        (
            "forget05",
            [{**row, "image": b"x"} for row in clear_rows(["Ada Lund"], 0)],
            "row 0: pictures are structs .* not bytes",
        ),
        ("real_world", [{"question": "Q?", "answer": "A", "options": "Pisa"}], "row 0: options is not a list"),
    ],
)
def test_a_wrong_cell_of_clear_is_one_line(clear, folder, rows, message):
    write(clear / folder, rows)
    with pytest.raises(UserError, match=message) as raised:
        _ = CLEAR(str(clear)).persons
    assert "\n" not in str(raised.value)


def test_an_empty_folder_of_clear_leaves_nobody_to_forget(clear):
    file = clear / "forget05" / "train-00000-of-00001.parquet"
    parquet.write_table(parquet.read_table(file).slice(0, 0), file)
    assert CLEAR(str(clear)).forget_names == []


def test_people_forgotten_before_are_not_asked_for_again(clear):
    write(clear / "forget05", clear_rows(["Ada Lund", "Dan Moe"], 0))
    assert CLEAR(str(clear), forgotten=["Ada Lund"]).forget_names == ["Dan Moe"]


def test_a_picture_that_only_names_a_file_is_read_within_the_folder(clear):
    rows = clear_rows(["Ada Lund"], 0)
    named = [{**row, "image": {"bytes": None, "path": name}} for row, name in zip(rows, ["in.png", "../x.png"], strict=False)]
    Image.new("RGB", (3, 3)).save(clear / "forget05" / "in.png")
    Image.new("RGB", (3, 3)).save(clear / "x.png")
    write(clear / "forget05", [*named, *rows[2:]])
    data = CLEAR(str(clear))
    pictures = data.training().load
    assert pictures((data.folder.files.index(clear / "forget05" / "train-00000-of-00001.parquet"), 0, 0)).size == (3, 3)
    with pytest.raises(UserError, match=r"row 1: image '../x.png' lies outside"):
        pictures((data.folder.files.index(clear / "forget05" / "train-00000-of-00001.parquet"), 1, 0))


@pytest.fixture
def mllmu(tmp_path):
    return write_mllmu(tmp_path)


def test_mllmu_bench_is_read_in_its_published_folders(mllmu):
    data = MLLMUBench(str(mllmu))
    assert data.persons == ["1", "2", "3"]
    assert data.forget_names == ["1"]
    assert [question.fact for question in data.split("forget").questions] == [
        *("biography", "classification 0", "classification 0", "generation 0", "cloze 0")
    ]
    assert {name: len(part) for name, part in data.measured.items()} == {
        **{"forget/multimodal": 2, "forget/text": 2, "retain/multimodal": 4, "retain/text": 4},
        **{"holdout/multimodal": 2, "holdout/text": 2},
    }
    chosen, cloze = data.measured["forget/multimodal"][0], data.measured["forget/text"][1]
    assert (chosen.kind, chosen.answer, chosen.wrong) == ("choice", "Rome", ("Oslo",))
    assert (cloze.kind, cloze.keyword, cloze.image) == ("cloze", "Rome", None)
    assert set(data.measured["holdout/text"].people) == {"celebrity 1"}


def test_what_is_wrong_with_a_copy_of_mllmu_bench_is_one_line(mllmu):
    with pytest.raises(UserError, match=r"forget_percent of mllmu_bench is 5, 10, 15 \(as published\) or 0, not 1"):
        MLLMUBench(str(mllmu), forget_percent=1)
    with pytest.raises(UserError, match=r"no folder forget_10 with Parquet files"):
        _ = MLLMUBench(str(mllmu), forget_percent=10).persons
    rows = mllmu_rows([2, 3])
    rows[0]["Classification_Task"]["Pure_Text_Questions"][0]["Correct_Answer"] = "E"
    write(mllmu / "retain_95", rows)
    with pytest.raises(UserError, match=r"row 0: the answer 'E' is none of the options"):
        _ = MLLMUBench(str(mllmu)).persons
    for field, message in (("Type", "Type is empty"), ("Ground_Truth", "Ground_Truth is empty")):
        rows = mllmu_rows([2, 3])
        del rows[0]["Generation_Task"][0][field]
        write(mllmu / "retain_95", rows[:1])
        with pytest.raises(UserError, match=f"row 0: {message} or not text"):
            _ = MLLMUBench(str(mllmu)).persons
    write(mllmu / "retain_95", [{**mllmu_rows([2])[0], "Classification_Task": "{}"}])
    with pytest.raises(UserError, match="row 0: Image_Textual_Questions is not a list"):
        _ = MLLMUBench(str(mllmu)).persons
    write(mllmu / "retain_95", [{**mllmu_rows([2])[0], "image": None}])
    with pytest.raises(UserError, match="row 0: there is no picture, and biography asks about one"):
        _ = MLLMUBench(str(mllmu)).persons
    write(mllmu / "retain_95", mllmu_rows([1, 2]))
    with pytest.raises(UserError, match="'1' is in the folder to forget and in that to retain"):
        _ = MLLMUBench(str(mllmu)).persons
