"""Who is forgotten, who is preserved, and that nobody is both."""

import pytest

from oro_unlearn.graph import Triple, derive_roles, load_graph
from oro_unlearn.graph.roles import SLOTS, shared_slots

SCENES = load_graph("scenes")
REQUESTS = {
    "one": ["child eating hamburger"],
    "wine": ["child drinking wine"],
    "abstract": ["minor drinking alcohol"],
    "person to animal": ["adult pointing at dog"],
    "symmetric": ["child next to animal"],
    "both ways": ["dog pointing at child", "cat pointing at dog"],
    "several": ["child eating hamburger", "adult eating pizza", "dog kicking ball"],
    "everybody": ["agent holding phone"],
}
ABSTRACT = {"abstract", "symmetric", "everybody"}  # nothing concrete without what follows
CASES = [(name, propagate) for name in REQUESTS for propagate in (True, False) if propagate or name not in ABSTRACT]


def roles_of(name, propagate=True):
    return derive_roles(SCENES, [SCENES.parse(text) for text in REQUESTS[name]], propagate)


def preserved(roles):
    return [*(triple for slot in SLOTS for triple in roles.neighbours[slot]), *roles.swapped, *roles.neutral]


@pytest.mark.parametrize(("name", "propagate"), CASES)
def test_nothing_unsafe_is_preserved(name, propagate):
    roles = roles_of(name, propagate)
    assert set(roles.unsafe).isdisjoint([*preserved(roles), *roles.nodes, *roles.listed, *roles.far])
    assert roles.unsafe[: len(roles.requested)] == roles.requested == tuple(SCENES.parse(text) for text in REQUESTS[name])
    if propagate:
        assert set(roles.unsafe) == set().union(*map(SCENES.closure, roles.requested))


@pytest.mark.parametrize(("name", "propagate"), CASES)
def test_exactly_one_slot_of_a_neighbour_differs(name, propagate):
    """All neighbours against the definition, slot by slot."""
    roles = roles_of(name, propagate)
    targets = [triple for triple in roles.unsafe if SCENES.concrete(triple)] + list(roles.requested)

    def slots(triple):
        found = [[a == b for a, b in zip(triple, target, strict=True)] for target in targets]
        return [slot for slot in range(3) if any(equal.count(False) == 1 and not equal[slot] for equal in found)]

    expected = {slot: [] for slot in SLOTS}
    for triple in SCENES.triples():
        if triple not in roles.unsafe and slots(triple):
            expected[SLOTS[slots(triple)[0]]].append(triple)
    assert {slot: list(triples) for slot, triples in roles.neighbours.items()} == expected


@pytest.mark.parametrize(("name", "propagate"), CASES)
def test_roles_partition_all_concepts(name, propagate):
    roles = roles_of(name, propagate)
    concrete = [triple for triple in roles.unsafe if SCENES.concrete(triple)]
    later = set(derive_roles(SCENES, propagate=propagate).unsafe) - set(concrete)  # unsafe, but not requested
    everything = [*concrete, *later, *preserved(roles), *roles.nodes]
    assert len(everything) == len(set(everything))
    assert set(everything) == {*SCENES.triples(), *((node,) for node in SCENES.nodes())}


@pytest.mark.parametrize(("name", "propagate"), CASES)
def test_neutral_and_far_share_few_slots(name, propagate):
    roles = roles_of(name, propagate)
    concrete = [triple for triple in roles.unsafe if SCENES.concrete(triple)]
    most = {concept: max(shared_slots(concept, triple) for triple in concrete) for concept in roles.neutral}
    assert max(most.values()) <= 1
    assert list(roles.far) == [concept for concept in roles.neutral if most[concept] == 0]
    assert all(most[concept] == 0 for concept in roles.neutral if len(concept) == 1)


def test_scenes_as_it_is_shipped():
    roles = derive_roles(SCENES)
    assert roles.requested == (("child", "eating", "hamburger"),)
    assert roles.unsafe == (("child", "eating", "hamburger"), ("toddler", "eating", "hamburger"))
    assert roles.nodes == (("child",), ("hamburger",), ("toddler",))
    assert roles.neighbours["subject"] == tuple(
        (s, "eating", "hamburger") for s in ("adult", "elder", "dog", "cat", "bear", "robot")
    )
    assert {len(roles.neighbours[slot]) for slot in ("relation", "object")} == {14, 6}
    assert roles.swapped == ()
    assert ("tower",) in roles.far
    assert ("dog", "next to", "cat") in roles.far
    assert ("dog", "eating", "cake") in set(roles.neutral) - set(roles.far)


def test_without_propagation_descendants_are_neighbours():
    roles = roles_of("one", propagate=False)
    assert roles.unsafe == roles.requested
    assert ("toddler", "eating", "hamburger") in roles.neighbours["subject"]


def test_swapped():
    assert roles_of("person to animal").swapped == (("dog", "pointing at", "adult"),)
    assert roles_of("symmetric").swapped == ()
    mirrored = derive_roles(SCENES, [Triple("child", "next to", "dog")], propagate=False)
    assert mirrored.unsafe == (("child", "next to", "dog"), ("dog", "next to", "child"))


OVERRIDES = [
    "edges:",
    "  - {edge: animal chasing cat, status: unsafe}",
    "  - {edge: dog chasing cat, status: safe, override: true, reason: it never does}",
]


def test_an_override_takes_out_what_follows_from_it(zoo):
    roles = derive_roles(zoo(*OVERRIDES))
    assert roles.listed == (("dog", "chasing", "cat"),)
    kept = {("dog", "chasing", "cat"), ("dog", "chasing", "kitten")}
    assert kept <= set(roles.neighbours["subject"])
    pairs = [("animal", "cat"), ("animal", "kitten"), ("cat", "kitten"), ("kitten", "cat")]
    assert set(roles.unsafe) == {(subject, "chasing", thing) for subject, thing in pairs}


def test_a_request_below_an_override_stands(zoo):
    unsafe = derive_roles(zoo(*OVERRIDES, "  - {edge: dog chasing kitten, status: unsafe}")).unsafe
    assert ("dog", "chasing", "kitten") in unsafe
    assert ("dog", "chasing", "cat") not in unsafe


def test_listed_and_neutral_edges(zoo):
    graph = zoo(
        "edges:",
        "  - {edge: cat drinking milk, status: unsafe}",
        "  - {edge: dog drinking milk, status: safe}",
        "  - {edge: dog chasing cat, status: safe}",
        "  - {edge: cat next to animal, status: neutral}",
        "  - {edge: cat chasing dog, status: neutral}",
    )
    roles = derive_roles(graph)
    assert roles.listed == (("dog", "drinking", "milk"),)  # the other shares no two slots
    assert roles.neutral[:4] == (
        ("cat", "next to", "kitten"), ("cat", "next to", "dog"), ("kitten", "next to", "cat"), ("kitten", "next to", "dog"),
    )  # fmt: skip
    assert ("dog", "next to", "cat") in roles.neutral


def test_unsafe_edges_that_are_not_requested_are_not_preserved(zoo):
    graph = zoo("edges:", "  - {edge: cat drinking milk, status: unsafe}", "  - {edge: cat next to milk, status: unsafe}")
    roles = derive_roles(graph, [Triple("cat", "drinking", "milk")])
    later = {("cat", "next to", "milk"), ("kitten", "next to", "milk"), ("milk", "next to", "cat")}
    assert later.isdisjoint([*roles.unsafe, *preserved(roles)])


@pytest.mark.parametrize(
    ("lines", "request_", "message"),
    [
        ([], None, "nothing to forget: give an edge the status unsafe"),
        ([], ("cat", "drinking", "dog"), "'cat drinking dog' cannot be forgotten"),
        ([], ("unicorn", "drinking", "milk"), "'unicorn drinking milk' cannot be forgotten"),
        (
            ["edges:", "  - {edge: cat drinking milk, status: safe}"],
            ("cat", "drinking", "milk"),
            "yaml:12: .* is the request itself",
        ),
        (
            ["edges:", "  - {edge: kitten drinking milk, status: neutral}"],
            ("cat", "drinking", "milk"),
            "yaml:12: .* is neutral but follows",
        ),
        (
            ["edges:", "  - {edge: cat next to dog, status: safe}"],
            ("dog", "next to", "cat"),
            "yaml:12: .* is the request itself",
        ),
    ],
)
def test_requests_that_cannot_be(zoo, lines, request_, message):
    graph = zoo(*lines)
    with pytest.raises(ValueError, match=message) as caught:
        derive_roles(graph, [Triple(*request_)] if request_ else [])
    assert "\n" not in str(caught.value)


def test_nothing_left_to_forget():
    with pytest.raises(ValueError, match="nothing is left to forget of 'minor drinking alcohol'"):
        derive_roles(SCENES, [Triple("minor", "drinking", "alcohol")], propagate=False)


def test_shared_slots():
    triple = ("child", "eating", "cake")
    assert [shared_slots(triple, other) for other in (triple, ("child", "eating", "apple"), ("dog", "eating", "apple"))] == [
        3,
        2,
        1,
    ]
    assert shared_slots(triple, ("toddler", "holding", "child")) == 0  # a toddler is not a child here, positions count
    assert [shared_slots(("cake",), triple), shared_slots(triple, ("child",)), shared_slots(("dog",), triple)] == [1, 1, 0]
    assert [shared_slots(("cake",), ("cake",)), shared_slots(("cake",), ("dog",))] == [1, 0]
