"""The verdict on a model that forgot people: each line gives each answer where it should."""

import pytest

from oro_unlearn.audit.criteria import Criterion, judged
from oro_unlearn.audit.persona_verdict import persona_figures, persona_lines, persona_measures
from tests.people import measurements


def answer(line: str, found) -> str:
    return persona_lines(found)[line].answer


def changed(role: str, figures: dict[str, float], **options):
    found = measurements(**options)
    found["metrics"][role] |= figures
    return found


@pytest.mark.parametrize(
    ("edited", "retrained", "expected"),
    [
        (0.1, (0.05, 0.1, 0.075), "yes"),
        (0.8, (0.05, 0.1, 0.075), "no"),
        (0.0, (0.0, 0.0, 0.0), "yes"),
        (0.025, (0.0, 0.0, 0.0), "yes"),
        (0.3, (0.0, 0.0, 0.0), "no"),
        (0.1, (), "yes"),
        (0.35, (), "not decided"),
        (0.9, (), "no"),
        (0.9, (0.05, 0.1), "no"),
    ],
)
def test_answers(edited, retrained, expected):
    assert answer("answers", measurements(edited, retrained)) == expected


def test_the_worse_modality_decides_and_both_are_parts():
    line = persona_lines(changed("unlearned", {"forget/text/cloze_accuracy": 0.8}))["answers"]
    assert (line.answer, line.figure, line.value) == ("no", "forget/text/cloze_accuracy", 0.8)
    assert {name: part.answer for name, part in line.parts.items()} == {
        "forget/multimodal/cloze_accuracy": "yes",
        "forget/text/cloze_accuracy": "no",
    }


def test_a_set_that_lost_much_is_collateral():
    assert answer("collateral", measurements()) == "yes"
    line = persona_lines(changed("unlearned", {"holdout/text/cloze_accuracy": 0.3}))["collateral"]
    assert (line.answer, line.figure) == ("no", "holdout/text/cloze_accuracy")
    assert answer("collateral", changed("unlearned", {"holdout/text/cloze_accuracy": 0.75}, retrained=())) == "not decided"


def test_a_loss_that_retrained_models_share_is_no_collateral():
    found = measurements()
    for number, value in enumerate((0.3, 0.35, 0.25)):
        found["metrics"][f"retrained_{number}"]["holdout/text/cloze_accuracy"] = value
    found["metrics"]["unlearned"]["holdout/text/cloze_accuracy"] = 0.3
    assert answer("collateral", found) == "yes"


def test_a_set_of_choices_is_judged_by_its_choices():
    found = measurements()
    for figures in found["metrics"].values():
        del figures["general/text/cloze_accuracy"]
    found["metrics"]["unlearned"]["general/text/choice_accuracy"] = 0.2
    assert persona_lines(found)["collateral"].figure == "general/text/choice_accuracy"


def test_looks_needs_three_retrained_models_and_sees_probabilities():
    assert answer("looks", measurements()) == "yes"
    assert answer("looks", measurements(retrained=(0.05, 0.1))) == "not decided"
    assert answer("looks", changed("unlearned", {"forget/text/answer_probability": 0.8})) == "no"


@pytest.mark.parametrize(
    ("recovered", "retrained", "expected"),
    [
        (0.1, (0.05, 0.1, 0.075), "yes"),
        (0.7, (0.05, 0.1, 0.075), "no"),
        (0.7, (0.125, 0.125, 0.125), "not decided"),
        (0.125, (0.125, 0.125, 0.125), "yes"),
        (0.7, (0.05, 0.1), "not decided"),
        (0.9, (), "no"),
    ],
)
def test_recovery(recovered, retrained, expected):
    assert answer("recovery", measurements(retrained=retrained, recovered=recovered)) == expected


def test_relearning_alone_says_nothing_without_retrained_models():
    found = measurements(retrained=())
    found["metrics"]["unlearned"] |= {"recovery/relearn_8/text": 0.95}
    assert answer("recovery", found) == "not decided"


def test_an_attack_that_finds_next_to_nothing_in_the_original_brings_nothing_back():
    found = measurements(retrained=())
    gone = {key: 0.0 for key in found["metrics"]["unlearned"] if key.startswith("recovery/")}
    found["metrics"]["original"] |= dict.fromkeys(gone, 0.02)
    found["metrics"]["unlearned"] |= gone
    assert answer("recovery", found) == "not decided"


def test_what_was_not_measured_is_not_judged():
    found = measurements()
    found["asked"] = {}
    for figures in found["metrics"].values():
        for key in [key for key in figures if key.startswith("recovery/")]:
            del figures[key]
    lines = persona_lines(found)
    assert [lines[name].answer for name in ("answers", "collateral", "recovery")] == ["not measured"] * 3


def test_measures_have_limits_where_questions_were_counted():
    found = measurements(edited=0.3)
    found["metrics"]["unlearned"]["forget/text/cloze_accuracy"] = 0.5
    found["metrics"]["unlearned"]["retain/text/cloze_accuracy"] = 0.6
    measures = persona_measures(found)
    assert set(measures) <= set(persona_figures())
    assert measures["forgotten_cloze_accuracy"].value == 0.5
    assert 0.3 < measures["forgotten_cloze_accuracy"].low < 0.5 < measures["forgotten_cloze_accuracy"].high < 0.7
    assert measures["kept_accuracy_lost"].value == pytest.approx(0.3)
    assert measures["recovered_cloze_accuracy"].value == pytest.approx(0.1)
    assert measures["forget/text/answer_probability"].beside == "outside"
    results = judged([Criterion("forgotten_cloze_accuracy", "<=", 0.3)], measures, {}, "no")
    assert results[0].state == "not met"
