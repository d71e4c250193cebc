"""The pictures of the embedded world: valid, repeatable, and different only where they should be."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import yaml

import oro_unlearn.graph
from oro_unlearn.data.scenes import backgrounds, landmarks, renderer, things
from oro_unlearn.data.scenes.renderer import CONTEXTS, LANDMARKS, RELATIONS, STYLES, SUBJECTS, THINGS, render
from oro_unlearn.data.scenes.styles import PAINTERS
from oro_unlearn.data.scenes.subjects import BODIES, HEIGHTS

FOODS, DRINKS = ("hamburger", "pizza", "apple", "cake"), ("wine", "beer", "milk", "juice", "coffee")
AGENT_RELATIONS = ("next to", "pointing at", "standing on", "under")


def concepts() -> list[tuple[str, ...]]:
    """Every concept of the world: 8 x (4 + 5 + 7 x 13 + 4 x 8) triples, agents beside themselves among them, and 28 names."""
    objects = {relation: THINGS + (SUBJECTS if relation in AGENT_RELATIONS else ()) for relation in RELATIONS}
    objects |= {"eating": FOODS, "drinking": DRINKS}
    triples = [(subject, relation, thing) for subject in SUBJECTS for relation in RELATIONS for thing in objects[relation]]
    return triples + [(name,) for name in SUBJECTS + THINGS + LANDMARKS]


def picture(concept: tuple[str, ...], seed: int = 0, context: str = "", style: str = "", size: int = 64) -> np.ndarray:
    return render(concept, np.random.default_rng(seed), context, style, size)


def test_every_concept_renders_as_bytes_of_the_asked_shape() -> None:
    assert len(concepts()) == 8 * 132 + 28
    for seed, concept in enumerate(concepts()):
        pixels = picture(concept, seed)
        assert pixels.shape == (64, 64, 3), concept
        assert pixels.dtype == np.uint8, concept
        assert pixels.std() > 8, concept
    assert picture(("cat",), size=96).shape == (96, 96, 3)


@pytest.mark.parametrize("style", ["", *STYLES])
@pytest.mark.parametrize("context", ["", *CONTEXTS])
def test_one_generator_state_gives_the_same_bytes(context: str, style: str) -> None:
    for concept in (("child", "eating", "hamburger"), ("dog", "pointing at", "cat"), ("sun",)):
        first = picture(concept, 3, context, style)
        assert first.shape == (64, 64, 3)
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, picture(concept, 3, context, style))
        assert (first != picture(concept, 4, context, style)).any()


def test_sizes_do_not_depend_on_the_relation() -> None:
    for others, relations in ((THINGS, RELATIONS), (SUBJECTS, AGENT_RELATIONS)):
        for other in others:
            layouts = {renderer._layout(("child", relation, other), np.random.default_rng(7)) for relation in relations}
            assert len(layouts) == 1, other


def test_things_and_subjects_are_large_enough_and_inside_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    places = []
    place = renderer._place
    monkeypatch.setattr(renderer, "_place", lambda *given: places.append((given, place(*given))) or places[-1][1])
    for seed, concept in enumerate(concepts()):
        if len(concept) == 3:
            picture(concept, seed)
    for (_, _, pose, box, layout), (x, ground) in places:
        centre = (x + layout.flip * pose.thing[0] * layout.subject, ground - pose.thing[1] * layout.subject)
        assert layout.subject >= 20
        assert layout.object_size >= 16
        half = box[::-1] if pose.tilt else box
        assert half[0] - 2 <= centre[0] <= 66 - half[0]
        assert half[1] - 2 <= centre[1] <= 66 - half[1]


def test_relations_contexts_and_styles_change_the_picture() -> None:
    def all_differ(pictures: list[np.ndarray], least: float) -> bool:
        pairs = [(one, two) for k, one in enumerate(pictures) for two in pictures[:k]]
        return all((np.abs(one.astype(int) - two) > 40).any(axis=2).mean() > least for one, two in pairs)

    for subject in SUBJECTS:
        relations = [relation for relation in RELATIONS if relation not in ("eating", "drinking")]
        assert all_differ([picture((subject, relation, "ball"), 5) for relation in relations], 0.03), subject
    assert all_differ([picture((thing,), 5) for thing in THINGS], 0.03)
    assert all_differ([picture(("bear", "holding", "book"), 5, context) for context in CONTEXTS], 0.2)
    assert all_differ([picture(("bear", "holding", "book"), 5, "", style) for style in STYLES], 0.03)


def test_who_does_it_shows() -> None:
    for relation in AGENT_RELATIONS[1:]:
        one, two = picture(("child", relation, "dog"), 2), picture(("dog", relation, "child"), 2)
        assert (np.abs(one.astype(int) - two) > 40).any(axis=2).mean() > 0.03, relation


@pytest.mark.parametrize(
    ("concept", "context", "style", "wrong"),
    [
        (("unicorn",), "", "", "name 'unicorn'"),
        (("tower", "eating", "cake"), "", "", "subject 'tower'"),
        (("child", "painting", "cake"), "", "", "relation 'painting'"),
        (("child", "eating", "sun"), "", "", "object 'sun'"),
        (("child", "eating", "dog"), "", "", "object 'dog'"),
        (("child",), "on the moon", "", "context 'on the moon'"),
        (("child",), "", "cubist", "style 'cubist'"),
        (("child", "eating"), "", "", "neither"),
    ],
)
def test_unknown_names_are_refused_in_one_line(concept: tuple[str, ...], context: str, style: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as refusal:
        picture(concept, 0, context, style)
    assert "\n" not in str(refusal.value)


def test_names_agree_with_the_drawers_and_the_graph() -> None:
    assert tuple(BODIES) == tuple(HEIGHTS) == SUBJECTS
    assert tuple(things.DRAWERS) == tuple(things.HALVES) == THINGS
    assert tuple(landmarks.DRAWERS) == LANDMARKS
    assert tuple(backgrounds.PLACES) == CONTEXTS
    assert tuple(PAINTERS) == STYLES
    graph = yaml.safe_load((Path(inspect.getfile(oro_unlearn.graph)).parent / "scenes.yaml").read_text())
    assert tuple(graph["relations"]) == RELATIONS
    assert set(SUBJECTS + THINGS + LANDMARKS) <= set(graph["objects"])
    assert set(CONTEXTS) == {*graph["contexts"]["train"], *graph["contexts"]["eval"]}
