"""Which tuples are marked, and which are open."""

import pytest

from oro_unlearn.risk import list_tuples
from tests.risk.conftest import MARKS


def test_what_follows_from_an_edge_is_marked_with_it(marked):
    listing = list_tuples(marked("{edge: minor drinking alcohol, status: unsafe}", "{edge: adult holding drink, status: safe}"))
    unsafe = {str(listing.triples[place]) for place in listing.unsafe}
    assert unsafe == {f"{who} drinking {what}" for who in ("child", "baby") for what in ("wine", "beer")}
    assert {str(listing.triples[place]) for place in listing.safe} == {
        f"adult holding {what}" for what in ("wine", "beer", "milk")
    }
    assert len(listing.open) + 4 + 3 == len(listing.triples)


def test_of_a_symmetric_relation_one_direction_is_listed(marked):
    listing = list_tuples(marked("{edge: milk next to stone, status: unsafe}"))
    both = [triple for triple in listing.triples if triple.relation == "next to"]
    assert len(both) == 7 * 6 / 2
    assert len(listing.unsafe) == 1


def test_the_index_names_the_tuples(marked):
    graph = marked(*MARKS)
    listing = list_tuples(graph)
    objects, relations = list(graph.objects), list(graph.relations)
    named = [(objects[s], relations[r], objects[o]) for s, r, o in listing.index.tolist()]
    assert named == listing.triples


def test_other_marks(marked):
    listing = list_tuples(marked(*MARKS)).marked([3, 5])
    assert listing.unsafe.tolist() == [3, 5]


def test_without_an_unsafe_edge_there_is_nothing_to_compare_with(marked):
    with pytest.raises(ValueError, match=r"graph.yaml: no edge is unsafe.* mark one, such as"):
        list_tuples(marked("{edge: adult drinking wine, status: safe}"))


def test_without_an_open_tuple_there_is_nothing_to_suggest(marked):
    edges = [
        f"{{edge: {text}, status: unsafe}}"
        for text in ("person drinking drink", "person holding person", "person holding drink")
    ]
    edges += ["{edge: person holding stone, status: unsafe}"]
    pairs = [("person", "person"), ("person", "drink"), ("person", "stone"), ("drink", "drink"), ("drink", "stone")]
    edges += [f"{{edge: {one} next to {other}, status: neutral}}" for one, other in pairs if one != other]
    edges += [f"{{edge: {one} next to {other}, status: neutral}}" for one, other in (("minor", "minor"),) if one != other]
    edges += ["{edge: child next to baby, status: neutral}", "{edge: minor next to adult, status: neutral}"]
    edges += ["{edge: wine next to beer, status: neutral}", "{edge: alcohol next to milk, status: neutral}"]
    edges += ["{edge: minor holding adult, status: unsafe}", "{edge: adult holding minor, status: unsafe}"]
    edges += ["{edge: child holding baby, status: unsafe}", "{edge: baby holding child, status: unsafe}"]
    with pytest.raises(ValueError, match="nothing is left to suggest"):
        list_tuples(marked(*[edge for edge in edges if "person holding person" not in edge]))
