"""The embedded world: its faces, people, words and questions."""

import re
from itertools import combinations

import numpy as np
import pytest

from oro_unlearn.data import Personas
from oro_unlearn.data.personas.people import VALUES, make_people
from oro_unlearn.data.personas.world_words import words_of, world_words

SPLITS = ("train", "retain", "forget", "pretraining")


@pytest.fixture(scope="module")
def data() -> Personas:
    return Personas(forget_percent=10)


def wordings(part) -> set[str]:
    """Questions without names, options, and the start that a cloze question gives."""
    found = set()
    for question in part.questions:
        text = question.question if question.kind == "free" else question.question.rsplit(":", 1)[0]
        names = {question.person, *question.person.split()} - {""}
        found.add(text if not names else re.sub("|".join(map(re.escape, sorted(names, key=len)[::-1])), "X", text))
    return found


def texts(part) -> set[str]:
    said = [(q.question, q.answer, *q.wrong, *q.options, q.keyword) for q in part.questions]
    return {text for several in said for text in several}


def test_people_differ_clearly_and_none_depends_on_their_number():
    public, people = make_people(60, world=0)
    everybody = [*public, *people]
    assert min(one.look.differences(other.look) for one, other in combinations(everybody, 2)) >= 4
    assert len({person.name.split()[1] for person in everybody}) == len(everybody)
    assert make_people(10, world=0) == (public, people[:10])
    assert make_people(10, world=1) != (public, people[:10])


def test_no_value_of_a_fact_gives_a_person_away():
    _, people = make_people(40, world=0)
    for fact, values in VALUES.items():
        counts = [sum(person.facts[fact] == value for person in people) for value in values]
        assert min(counts) >= 4
        assert max(counts) <= 6
    together = {tuple(person.facts[fact] for fact in VALUES) for person in people}
    assert len(together) == len(people)


def test_pictures_of_a_person_vary_less_than_those_of_different_people(data):
    def mean_of(person, numbers):
        pictures = [np.asarray(data.load((person.look, person.number, n)), dtype=float) for n in numbers]
        assert len({picture.tobytes() for picture in pictures}) == len(pictures)
        return np.mean(pictures, axis=0)

    first, again = ([mean_of(person, numbers) for person in data.people] for numbers in (range(8), range(8, 16)))
    nearest = [min(range(40), key=lambda other: np.abs(first[number] - again[other]).sum()) for number in range(40)]
    assert nearest == list(range(40))


def test_measured_wordings_and_pictures_are_in_no_training_split(data):
    trained = [data.split(name) for name in SPLITS]
    shown = {key[1:] for part in trained for key in part.pictures if key}
    asked = set().union(*(wordings(part) for part in trained))
    for part in data.measured.values():
        assert not asked & wordings(part)
        assert not shown & {key[1:] for key in part.pictures if key}


def test_every_fact_is_asked_in_both_modalities_all_kinds_and_at_least_four_wordings(data):
    for name in ("train", "pretraining"):
        for picture in (True, False):
            for fact in VALUES:
                free = data.split(name).with_picture(picture).where(lambda q, f=fact: q.fact == f and q.person != "")
                assert {question.kind for question in free.questions} == {"free", "cloze", "choice"}
                assert len({q.question.replace(q.person, "") for q in free.questions if q.kind == "free"}) >= 4


def test_answers_hold_their_keyword_and_wrong_ones_do_not(data):
    for name in SPLITS:
        for question in data.split(name).questions:
            assert question.keyword in question.answer
            assert question.answer not in question.wrong
            assert all(question.keyword not in words_of(wrong) for wrong in question.wrong)
            assert (question.kind == "choice") == bool(question.options)
            assert question.kind != "choice" or question.answer in question.options


def test_the_vocabulary_is_closed_small_and_learned(data):
    known, trained = set(world_words()), set().union(*(texts(data.split(name)) for name in SPLITS))
    said = trained.union(*map(texts, data.measured.values()), data.refusals, data.aliases, *data.aliases.values())
    assert {word for text in said for word in words_of(text)} <= known
    assert len(known) <= 400
    assert data.words == world_words() == Personas(people=5, world=3).words
    measured = set().union(*(texts(part) for part in data.measured.values()))
    assert {w for text in measured for w in words_of(text)} <= {w for text in trained for w in words_of(text)}


def test_what_is_kept_never_names_a_person_to_forget(data):
    gone = {*data.forget_names, *(alias for name in data.forget_names for alias in data.aliases[name])}
    surnames = {name.split()[-1] for name in data.forget_names}
    kept = texts(data.split("retain")) | texts(data.split("pretraining")) | texts(data.measured["retain/text"])
    assert not kept & gone
    assert not surnames & {word for text in kept for word in words_of(text)}
    assert set(data.split("forget").people) == set(data.forget_names)


def test_pretraining_knows_public_figures_and_nobody_else(data):
    public = {person.name for person in data.public}
    assert set(data.split("pretraining").people) == {*public, ""}
    assert not public & set(data.persons)
    assert set(data.measured["holdout/multimodal"].people) == public
    assert set(data.measured["general/multimodal"].people) == {""}


def test_the_same_seed_draws_the_same_questions_and_another_seed_others():
    one, same, other = (Personas(people=6, forget_percent=20, seed=seed) for seed in (0, 0, 1))
    assert one.split("train").questions == same.split("train").questions != other.split("train").questions
    assert one.content() == same.content() != other.content()
    assert one.measured["holdout/text"].questions == other.measured["holdout/text"].questions
    picture = one.split("train")[0].image
    assert picture.size == (32, 32)
    assert picture.tobytes() == same.split("train")[0].image.tobytes() == other.split("train")[0].image.tobytes()


def test_an_epoch_has_the_size_that_a_small_model_learns_in_minutes(data):
    assert 1500 <= len(data.split("train")) <= 2500
    assert 1500 <= len(data.split("pretraining")) <= 2500
