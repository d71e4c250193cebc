"""What all data with questions about people share: requests, splits, loaders, the summary and the sheet of pictures."""

from types import SimpleNamespace

import pytest
from PIL import Image

from oro_unlearn.data import Personas
from oro_unlearn.data.contract import PersonaData, lacking
from oro_unlearn.user_error import UserError

FEW = {"people": 6, "pictures": 2, "faces": 4}


class Method:
    """The members of a method that loaders ask for."""

    train_splits = ("forget", "retain")
    loader_mode = "max_size_cycle"

    def collate(self, split):
        return list

    def epoch_seed(self, *numbers):
        return sum(numbers)


def attached(data: Personas, rank: int = 0, world: int = 1, **members) -> Personas:
    method = Method()
    vars(method).update(members)
    data.trainer = SimpleNamespace(lightning_module=method, global_rank=rank, world_size=world)
    return data


def few(**options) -> Personas:
    return Personas(**{**FEW, "forget": [Personas(**FEW).persons[1]], **options})


def test_the_contract_is_fulfilled_and_nothing_is_read_for_the_comparison(monkeypatch):
    monkeypatch.setattr(Personas, "measuring", lambda *_: pytest.fail("questions are made"))
    assert lacking(few(), PersonaData) == []


def test_names_take_the_place_of_a_percentage():
    """Presets have a percentage, and a user names people."""
    name = Personas(**FEW).persons[0]
    assert few(forget=[name], forget_percent=50).forget_names == [name]
    assert len(few(forget=[], forget_percent=50).forget_names) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"forget": ["Alex Crux"]}, r"--data.forget: unknown person 'Alex Crux': did you mean 'Alex Cruz'"),
        ({"forget": [], "forgotten": ["nobody"]}, "--data.forgotten: unknown person 'nobody': known: "),
        ({"forgotten": [Personas(**FEW).persons[1]]}, "--data.forget and --data.forgotten both name"),
        ({"forget": Personas(**FEW).persons}, "all 6 people are to be forgotten"),
        ({"forget": [], "forget_percent": 100}, r"forget_percent is a percentage of the people in \(0, 100\), or 0, not 100"),
        ({"forget": [], "forget_percent": -1}, "not -1"),
        ({"batch_size": 0}, "batch_size and eval_batch_size are numbers of questions"),
        ({"eval_questions": -1}, "eval_questions, seed and num_workers are 0 or more"),
        ({"people": 61}, "--data.people is a number of people from 2 to 60, not 61"),
        ({"image_size": 4}, "--data.image_size is a number of pixels from 8"),
        ({"pictures": 0}, "--data.pictures is from 1"),
        ({"world": -1}, "--data.world is 0 or more"),
    ],
)
def test_a_wrong_request_is_one_line(options, message):
    with pytest.raises(UserError, match=message) as raised:
        _ = few(**options).forget_names
    assert "\n" not in str(raised.value)


def test_the_splits_share_no_question_and_earlier_requests_are_in_none():
    names = Personas(**FEW).persons
    data = few(forgotten=[names[3]])
    assert set(data.split("forget").people) == {names[1]}
    assert set(data.split("retain").people) == {names[n] for n in (0, 2, 4, 5)}
    assert set(data.split("train").people) == {*names} - {names[3]}
    assert {name for part in data.measured.values() for name in part.people} & {names[3]} == set()
    assert data.notes() == {"forgotten": [names[3], names[1]]}
    with pytest.raises(UserError, match="has no split 'unsafe'"):
        data.split("unsafe")


def test_a_percentage_is_drawn_by_the_seed():
    requests = [tuple(Personas(forget_percent=10, seed=seed).forget_names) for seed in range(4)]
    assert {len(request) for request in requests} == {4}
    assert len(set(requests)) > 1
    assert len(Personas(forget_percent=1).forget_names) == 1


def test_measured_sets_are_cut_to_the_same_questions_each_time():
    data, again = (few(eval_questions=5) for _ in range(2))
    assert {len(part) for part in data.measured.values()} == {5}
    assert [part.questions for part in data.measured.values()] == [part.questions for part in again.measured.values()]
    assert list(few().measured) == [
        f"{group}/{kind}" for group in ("forget", "retain", "holdout", "general") for kind in ("multimodal", "text")
    ]


def test_nobody_named_is_found_before_training():
    data = attached(Personas(**FEW))
    assert not [name for name in data.measured if name.startswith("forget")]
    with pytest.raises(UserError, match=r"the forget set is empty: name people with --data\.forget, such as"):
        data.train_dataloader()


def test_a_batch_has_questions_of_each_split_with_their_positions():
    data = attached(few(batch_size=4))
    batch, _, _ = next(iter(data.train_dataloader()))
    assert set(batch) == {"forget", "retain"}
    for name, items in batch.items():
        part = data.split(name)
        assert len(items) == 4
        assert all(question._replace(image=None) == part.questions[position] for position, question in items)
        assert all((question.image is not None) == (part.pictures[position] is not None) for position, question in items)


def test_two_processes_share_every_batch_and_every_measured_question():
    def trained(rank, world):
        loader = attached(few(batch_size=4), rank, world).train_dataloader()
        return [[position for position, _ in batch["retain"]] for batch, _, _ in loader]

    whole, first, second = trained(0, 1), trained(0, 2), trained(1, 2)
    assert len(first) == len(second) == len(whole) - 1 == 41  # the last question of 165 cannot be shared
    assert all(sorted(a + b) == sorted(w) for w, a, b in zip(whole, first, second, strict=False))
    asked = [attached(few(eval_batch_size=7), rank, 2).test_dataloader() for rank in range(2)]
    places = [(number, position) for loader in asked for batch in loader for number, position, _ in batch]
    sizes = [len(part) for part in few().measured.values()]
    assert sorted(places) == [(number, position) for number, size in enumerate(sizes) for position in range(size)]


def test_worker_processes_give_the_same_batches():
    def first(workers):
        batch, _, _ = next(iter(attached(few(batch_size=4, num_workers=workers)).train_dataloader()))
        return [(position, q._replace(image=None), q.image and q.image.tobytes()) for position, q in batch["forget"]]

    assert first(1) == first(0)


def test_the_summary_counts_what_is_trained_on_and_measured():
    data = few()
    name = data.forget_names[0]
    lines = data.lines()
    assert lines[0] == f"personas: 6 people; to forget: {name}"
    assert lines[1] == "  train: forget 28 questions (2 pictures), retain 165 questions (10 pictures)"
    assert lines[2].startswith("  measured: forget/multimodal 36, forget/text 30, retain/multimodal 180")
    assert len(lines) == 3
    counted = attached(few(), train_splits=("train",)).inventory()["train"]
    assert counted == {"train": {"questions": 198, "pictures": 12}}
    assert Personas(**FEW, forgotten=[name]).lines()[1] == f"  forgotten before: {name}"


def test_the_sheet_frames_people_to_forget_in_red(tmp_path):
    few().draw(tmp_path)
    sheet = Image.open(tmp_path / "people.png").convert("RGB")
    colours = [sheet.getpixel((8, 8 + row * 112)) for row in range(6)]
    assert colours == [(206, 32, 41), *[(170, 170, 170)] * 5]
    assert [path.name for path in tmp_path.iterdir()] == ["people.png"]
