"""Why a tuple was suggested."""

import pytest
import torch

from oro_unlearn.graph import Triple
from oro_unlearn.risk import list_tuples
from oro_unlearn.risk.nearness import common_sizes
from oro_unlearn.risk.reasons import difference, nearest_unsafe, slot_drops
from tests.risk.conftest import MARKS


@pytest.mark.parametrize(
    ("triple", "words"),
    [
        (("child", "drinking", "beer"), "beer, as wine, is alcohol"),
        (("adult", "holding", "wine"), "adult, as child, is person; holding instead of drinking"),
        (("child", "drinking", "stone"), "stone instead of wine"),
        (("child", "drinking", "alcohol"), "alcohol is above wine"),
    ],
)
def test_a_difference_in_words(marked, triple, words):
    assert difference(marked(*MARKS), Triple(*triple), Triple("child", "drinking", "wine")) == words


def test_the_nearest_shares_most_slots_and_then_the_hierarchy(marked):
    listing = list_tuples(marked(*MARKS, "{edge: adult drinking milk, status: unsafe}"))
    sizes = common_sizes(listing.graph)
    assert str(nearest_unsafe(listing, Triple("child", "drinking", "beer"), sizes)) == "child drinking wine"
    assert str(nearest_unsafe(listing, Triple("baby", "drinking", "wine"), sizes)) == "child drinking wine"
    assert str(nearest_unsafe(listing, Triple("baby", "holding", "stone"), sizes)) == "baby holding beer"


def test_a_drop_is_the_score_minus_the_mean_over_other_values(marked):
    listing = list_tuples(marked(*MARKS))
    scores = torch.arange(len(listing.triples), dtype=torch.float32)
    place = {str(triple): number for number, triple in enumerate(listing.triples)}
    (drops,) = slot_drops(listing, scores, [place["child drinking wine"]])
    subjects = (place["baby drinking wine"] + place["adult drinking wine"]) / 2
    others = (place["child drinking beer"] + place["child drinking milk"]) / 2
    relations = (place["child holding wine"] + place["child next to wine"]) / 2
    mine = place["child drinking wine"]
    assert drops == (mine - subjects, mine - relations, mine - others)


def test_the_nearest_of_a_symmetric_relation_may_be_turned(marked):
    path = marked("{edge: child next to stone, status: unsafe}")
    listing = list_tuples(path)
    found = nearest_unsafe(listing, Triple("stone", "next to", "baby"), common_sizes(listing.graph))
    assert str(found) == "stone next to child"
