"""Probes: every group is filled, and every pair shows what it says."""

import torch

from oro_unlearn.data import Scenes
from oro_unlearn.data.scenes.renderer import STYLES
from tests.data.relation_world import FEW, MINOR, pairs_of, shown

ALWAYS = {"direct", "unsafe", "unrelated", "shuffled", "paraphrase", "typo", "contextual", "ood_image", "combined"}
SAFE = {"single_node", "new_safe_edge", "new_safe_node", "neutral_edge", "listed_edge", "unlisted_neighbour", "unlisted_in"}


def test_the_default_request_fills_every_group():
    assert set(Scenes(**FEW).measured.pairs) == {*ALWAYS, *SAFE, "hypernym", "above", "never_pretrained", "everything_else"}
    assert Scenes(**FEW, withheld=0.3).measured.pairs.keys() >= {"unlisted_out"}


def test_a_folder_fills_every_group_that_it_has_pictures_of(folder):
    assert set(pairs_of(folder).measured.pairs) == {*ALWAYS, *SAFE, "above", "everything_else"}


def test_pairs_show_what_their_item_says(data):
    probes, captions = data.measured, data.captions
    unsafe = set(data.roles.unsafe)
    wordings = {text for triple in unsafe for text in captions.wordings(triple, "eval")}
    for group, pairs in probes.pairs.items():
        assert pairs.dtype == torch.int64
        assert set(pairs[:, 2].tolist()) == set(range(len(probes.items[group])))
        for row, number, item in pairs.tolist():
            picture, text, name = probes.pictures[row], probes.texts[number], probes.items[group][item]
            concept, plain = picture.concept, captions.plain(picture.concept)
            assert (concept in unsafe) == (group in {*ALWAYS, "hypernym", "above"}), group
            if group in ("unsafe", "paraphrase", "hypernym", "above", "typo"):
                assert (name, picture.context, picture.style) == (text, "", "")
            elif group == "contextual":
                assert (name, picture.style) == (picture.context, "")
                assert text.endswith(f" {name}")
            elif group in ("ood_image", "combined"):
                assert (name, picture.context) == (picture.style, "")
            else:
                assert (name, picture.context, picture.style) == (plain, "", "")
            assert text == plain or group not in ("direct", "ood_image")
            assert text != plain or group not in ("unrelated", "shuffled", "paraphrase", "typo", "hypernym", "above")
            assert sorted(text.split()) == sorted(plain.split()) or group != "shuffled"
    assert wordings & {probes.texts[number] for number in probes.pairs["paraphrase"][:, 1]}


def test_the_gallery_is_every_concept_once(data):
    probes = data.measured
    assert probes.texts[: len(probes.concepts)] == [data.captions.plain(concept) for concept in probes.concepts]
    assert len(set(probes.texts)) == len(probes.texts)
    assert [probes.concepts[c] for c in probes.picture_concept] == [tuple(picture.concept) for picture in probes.pictures]
    named = {slot: {probes.concepts[n] for n in found} for slot, found in probes.neighbours.items()}
    assert named == {slot: set(found) for slot, found in data.roles.neighbours.items()}
    assert {probes.concepts[n] for n in probes.unsafe} == {t for t in data.roles.unsafe if tuple(t) in set(probes.concepts)}
    assert {probes.concepts[n] for n in probes.nodes} == {(name,) for name in data.graph.nodes()}


def test_swaps_exchange_subject_and_object_where_that_means_something_else(data):
    probes = data.measured
    found = [(probes.concepts[one], probes.concepts[other]) for one, other in probes.swaps]
    assert found
    for one, other in found:
        assert (other[2], other[1], other[0]) == one != other
        assert data.graph.valid(other)
        assert not data.graph.relations[one[1]].symmetric
    assert {(other, one) for one, other in found} == set(found)


def test_places_name_the_place_in_every_caption_of_the_gallery(data):
    probes = data.measured
    assert set(probes.places) == {picture.context for picture in probes.pictures} - {""}
    assert not set(probes.places) & set(data.graph.contexts["train"])
    for place, texts in probes.places.items():
        assert [probes.texts[n] for n in texts] == [f"{data.captions.plain(concept)} {place}" for concept in probes.concepts]


def test_what_follows_from_an_abstract_request_is_measured():
    data = Scenes(forget=MINOR, **FEW)
    drinks = {(who, "drinking", what) for who in ("child", "toddler") for what in ("wine", "beer")}
    direct = data.measured.pairs["direct"][:, 0].tolist()
    assert {tuple(data.measured.pictures[row].concept) for row in direct} == drinks
    styled = {(tuple(picture.concept), picture.style) for picture in data.measured.pictures if picture.style}
    assert {concept for concept, _ in styled} == drinks
    assert {style for _, style in styled} <= set(STYLES)
    assert "a minor drinking alcohol" in data.measured.items["hypernym"]
    assert shown(data, "unsafe") == drinks


def test_words_above_are_forgotten_or_only_measured():
    alone, closure = Scenes(**FEW, forget="child drinking wine"), Scenes(**FEW, forget=MINOR)
    assert "a minor drinking alcohol" in alone.measured.items["above"]
    assert "a minor drinking alcohol" in closure.measured.items["hypernym"]
    assert "a minor drinking alcohol" not in closure.measured.items["above"]
    assert "a person drinking alcohol" in closure.measured.items["above"], "adults drink it too"


def test_every_held_out_wording_of_the_unsafe_is_measured():
    data = Scenes(**FEW, propagate=False)
    expected = set(data.captions.wordings(data.roles.unsafe[0], "eval"))
    assert expected <= set(data.measured.items["paraphrase"])


def test_tuples_never_pretrained_do_not_depend_on_the_seed_of_the_run():
    groups = [set(Scenes(**{**FEW, "seed": seed}).measured.items["never_pretrained"]) for seed in (0, 5)]
    assert groups[0] == groups[1]
    assert "a dog kicking a ball" in groups[0]
