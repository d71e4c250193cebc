"""What is said before any figure, by hand-made figures."""

import pytest

from oro_unlearn.methods.first_words import class_words, forced_words, relation_words

IMAGES = {"forget": 20, "test_forget": 20, "test_retain": 100}


def words(acc_f: float, acc_r: float = 0.95, largest: float = 0.2, moved: float = 0.5, classes: bool = True) -> list[str]:
    before = {"train/acc_f": 1.0, "test/acc_f": 1.0, "test/acc_r": 0.95}
    after = {"train/acc_f": acc_f, "test/acc_f": acc_f, "test/acc_r": acc_r, "train/moved": moved}
    return class_words({"original": before, "unlearned": after}, IMAGES, 10, {"original": 0.2, "unlearned": largest}, classes)


def test_nothing_is_said_of_an_edit_that_forgot_and_kept():
    assert words(0.0) == []
    assert words(0.1) == [], "chance"


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        ({"acc_f": 1.0}, "The edit did nothing: 40 of 40"),
        ({"acc_f": 0.95}, "The edit did nothing: 38 of 40"),
        ({"acc_f": 0.5}, "Not forgotten: 20 of 40"),
        ({"acc_f": 0.0, "acc_r": 0.3}, "The model is destroyed: 30 of 100 test pictures"),
        ({"acc_f": 0.0, "acc_r": 0.5, "largest": 1.0}, "The model is destroyed: 50 of 100 test pictures"),
        ({"acc_f": 1.0, "moved": 0.001, "classes": False}, "The edit did nothing: outputs"),
    ],
)
def test_what_went_wrong_is_said(arguments, beginning):
    assert [sentence[: len(beginning)] for sentence in words(**arguments)] == [beginning]


def test_a_fall_to_nothing_that_few_pictures_cannot_prove_is_not_called_no_edit():
    before = {"train/acc_f": 0.05, "test/acc_f": 0.15, "test/acc_r": 0.95}
    after = {"train/acc_f": 0.0, "test/acc_f": 0.0, "test/acc_r": 0.95, "train/moved": 0.5}
    found = class_words({"original": before, "unlearned": after}, IMAGES, 10, {"original": 0.2, "unlearned": 0.2}, True)
    assert found == ["Too few pictures to tell whether it is forgotten: 0 of 40 are recognised, 4 before."]


def test_a_fall_that_not_even_no_hit_could_prove_is_not_called_no_edit():
    """Among a thousand classes one hit of 30 is above chance, and 4 before it are too few for any fall to show."""
    images = {"forget": 20, "test_forget": 10, "test_retain": 0}
    before, after = {"train/acc_f": 0.05, "test/acc_f": 0.3}, {"train/acc_f": 0.0, "test/acc_f": 0.1}
    found = class_words({"original": before, "unlearned": after}, images, 1000, {"original": 0.2, "unlearned": 0.2}, True)
    assert found == ["Too few pictures to tell whether it is forgotten: 1 of 30 are recognised, 4 before."]


def test_a_destroyed_model_that_never_fitted_the_pictures_comes_with_what_to_check():
    before, after = (
        {"train/acc_f": 1.0, "test/acc_f": 1.0, "test/acc_r": 0.4},
        {"train/acc_f": 0, "test/acc_f": 0, "test/acc_r": 0},
    )
    found = class_words(
        {"original": before, "unlearned": after}, IMAGES, 10, {"original": 0.2, "unlearned": 0.2}, True, " Do so."
    )
    assert len(found) == 1
    assert found[0].endswith(
        "40 before. Do so. The original knows few of them: check --data.image_size, --data.mean and --data.std."
    )


def test_single_samples_may_go_on_being_recognised():
    assert words(1.0, classes=False) == []


def test_relations():
    before = {"direct/r5": 1.0, "direct/cosine": 0.7, "retrieval/i2t_r1": 0.9}
    same = relation_words({"original": before, "unlearned": {**before, "direct/cosine": 0.69}})
    assert same == ["The edit did nothing: R@5 of the unsafe captions is 1.00, as before."]
    weak = relation_words({"original": before, "unlearned": {**before, "direct/r5": 0.7}})
    assert weak == ["Not forgotten: R@5 of the unsafe captions is 0.70, 1.00 before."]
    gone = {"direct/r5": 0.0, "direct/cosine": -0.2, "retrieval/i2t_r1": 0.1}
    assert relation_words({"original": before, "unlearned": gone}) == [
        "The model is destroyed: R@1 of all that is kept is 0.10, 0.90 before."
    ]


def test_a_forced_run_names_each_reason():
    assert forced_words(["a", "b"]) == ["Forced (--force true) although: a.", "Forced (--force true) although: b."]
