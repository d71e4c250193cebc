"""Families of captions: what each may change, and which models they find out."""

import random
from types import SimpleNamespace

import pytest
import torch

from oro_unlearn.attacks.relations import FAMILIES, families, outside_words, search_family
from oro_unlearn.networks import OpenCLIP
from tests.small_world import write_weights

PLAIN = "a child eating a hamburger"
GRAPH = ["a", "child", "eating", "hamburger", "adult"]
NEAR = {"child": ["youngling", "kiddo"], "eating": ["devouring"]}


def changes(near=NEAR):
    return families(SimpleNamespace(texts=[PLAIN], concepts=[("child", "eating", "hamburger")], unsafe=[0], words=GRAPH), near)


def drawn(name: str, count: int = 200) -> set[str]:
    draw, change = random.Random(0), changes()[name]
    return {change(PLAIN, draw) for _ in range(count)} - {PLAIN}


def test_each_family_changes_what_it_is_named_after_and_nothing_else():
    words = sorted(PLAIN.split())
    assert set(changes()) == set(FAMILIES)
    for caption in drawn("typo_search"):
        wrong = [word for word in caption.split() if word not in PLAIN.split()]
        assert 1 <= len(wrong) <= 2
        assert len(caption.split()) == len(words)
        assert not {*caption.split()} & {"adult"}
    assert all(sorted(caption.split()) == words for caption in drawn("word_order"))
    assert all(all(word in caption for word in ("a child", "eating", "a hamburger")) for caption in drawn("indirect"))
    assert any(caption.isascii() and caption.lower() == PLAIN for caption in drawn("homoglyph")), "other case alone"
    assert any(not caption.isascii() for caption in drawn("homoglyph"))
    for caption in drawn("synonym"):
        assert not {*caption.split()} - {*PLAIN.split(), "youngling", "kiddo", "devouring"}
    assert set(changes(near={})) == {*FAMILIES} - {"synonym"}
    odd = SimpleNamespace(texts=["w1 w2"], concepts=[("child", "eating", "cake")], unsafe=[0], words=GRAPH)
    assert "indirect" not in families(odd, {}), "the caption does not hold the relation"


def test_a_model_that_is_blind_to_case_falls_to_case_and_not_to_typing_errors():
    """It finds a caption by its words in lower case, in any order, and knows no misspelt word."""

    def score(captions):
        return torch.tensor([float({*caption.lower().split()} == {*PLAIN.split()}) for caption in captions])

    found = {name: search_family(score, [PLAIN], change, 80, seed=0) for name, change in changes().items()}
    assert {name: one.score for name, one in found.items()} == {
        **dict.fromkeys(("homoglyph", "word_order"), 1.0),
        **dict.fromkeys(("typo_search", "indirect", "synonym"), 0.0),
    }
    assert all(one.caption != PLAIN for one in found.values())


@pytest.mark.parametrize("candidates", [1, 7, 40])
def test_a_family_stays_within_its_budget_and_repeats(candidates):
    asked: list[str] = []

    def score(captions):
        asked.extend(captions)
        return torch.tensor([float(len(caption)) for caption in captions])

    found = [search_family(score, [PLAIN], changes()["typo_search"], candidates, seed) for seed in (0, 0)]
    assert found[0] == found[1]
    assert 0 < len(asked) <= 2 * candidates
    assert search_family(score, [PLAIN], lambda caption, _: caption, candidates, seed=0) is None, "no other form"


def test_outside_words_are_near_in_the_table_of_tokens_and_not_of_the_graph():
    network = OpenCLIP("scenes", pretrained=write_weights())
    table, encoder = network.model.token_embedding.weight.data, network.tokenizer.encoder
    table[encoder["birth"]] = table[encoder["child</w>"]] + 1e-4
    found = outside_words(network, ["a", "child"], GRAPH)
    assert set(found) == {"child"}, "articles stay"
    assert found["child"][0] == "birth"
    assert not {*found["child"]} & {*GRAPH}
    assert "birth" not in outside_words(network, ["child"], [*GRAPH, "Birth"])["child"]
    assert outside_words(SimpleNamespace(tokenizer=None), ["child"], GRAPH) == {}, "the tokeniser lists no tokens"
