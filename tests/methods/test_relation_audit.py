"""Figures of a relational edit on worlds so small that every cosine is written down."""

import math

import pytest
import torch

from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.data.relations.relation_probes import Picture, RelationProbes
from oro_unlearn.methods.relations.relation_audit import (
    ATTACKS,
    KEPT,
    Features,
    _tiers,
    measure,
    not_measured,
    relational_safety_score,
)

EATS, ADULT, HOLDS = ("child", "eating", "cake"), ("adult", "eating", "cake"), ("child", "holding", "cake")
DOG, POINTS, BACK = ("dog",), ("adult", "pointing at", "dog"), ("dog", "pointing at", "adult")
NO_PICTURES = PairImages(lambda number: torch.zeros(3, 1, 1), [], [], torch.zeros(0, 3))


def probes(concepts, pictures, pairs=None, texts=None, **options) -> RelationProbes:
    """Probes whose texts are the concepts' captions unless more are named, one item for each text."""
    texts = texts or [" ".join(concept) for concept in concepts]
    pictures = [picture if isinstance(picture, Picture) else Picture(picture) for picture in pictures]
    pairs = {group: torch.tensor(rows) for group, rows in (pairs or {}).items()}
    return RelationProbes(
        images=NO_PICTURES,
        pictures=pictures,
        concepts=concepts,
        picture_concept=torch.tensor([concepts.index(picture.concept) for picture in pictures]),
        texts=texts,
        pairs=pairs,
        items={group: [f"item {number}" for number in range(int(rows[:, 2].max()) + 1)] for group, rows in pairs.items()},
        **options,
    )


def features(cosines) -> Features:
    """Features in which row i holds the cosines of picture i with every text."""
    images = torch.tensor(cosines)
    return Features(images, torch.eye(images.shape[1]))


def figures(found: RelationProbes, cosines, before=None) -> dict[str, float]:
    own = features(cosines)
    return measure(found, own, own if before is None else features(before))[0]


def test_rank_counts_captions_that_are_closer_and_half_of_the_ties():
    concepts = [EATS, ADULT, HOLDS, DOG]
    cosines = [[0.2, 0.9, 0.5, 0.2], [0.9, 0.3, 0.3, 0.1]]
    found = figures(probes(concepts, [EATS, ADULT], {"direct": [(0, 0, 0)], "single_node": [(1, 1, 0)]}, unsafe=[0]), cosines)
    assert found["direct/cosine"] == pytest.approx(0.2)
    assert found["direct/median_rank"] == pytest.approx(2.5 / 3), "two of three rivals are closer, one is a tie"
    assert found["single_node/median_rank"] == pytest.approx(1.5 / 3), "the unsafe caption is a rival of what is kept"


def test_unsafe_captions_are_no_rivals_of_one_another():
    concepts = [EATS, ADULT, HOLDS, DOG]
    cosines = [[0.2, 0.9, 0.5, 0.1]]
    for group, rank in (("direct", 1 / 2), ("everything_else", 2 / 3)):
        found = figures(probes(concepts, [EATS], {group: [(0, 0, 0)]}, unsafe=[0, 1]), cosines)
        assert found[f"{group}/median_rank"] == pytest.approx(rank), group


def test_a_reworded_caption_competes_with_the_gallery_but_not_with_its_own_concept():
    texts = ["child eating cake", "adult eating cake", "kid eating cake"]
    cosines = [[0.8, 0.5, 0.6]]
    found = figures(probes([EATS, ADULT], [EATS], {"neutral_edge": [(0, 2, 0)]}, texts=texts), cosines)
    assert (found["neutral_edge/r1"], found["neutral_edge/median_rank"]) == (1, 0)
    found = figures(probes([EATS, ADULT], [ADULT], {"neutral_edge": [(0, 2, 0)]}, texts=texts), cosines)
    assert (found["neutral_edge/r1"], found["neutral_edge/r5"], found["neutral_edge/median_rank"]) == (0, 1, 1)


def test_recall_at_k_worst_item_and_quantiles():
    names = [(f"thing {number}",) for number in range(12)]
    ranks = [0, 3, 6, 11]  # of the pictures' own captions
    cosines = [[0.5] + [0.9] * rank + [0.1] * (11 - rank) for rank in ranks]
    pairs = [(row, 0, row // 2) for row in range(4)]
    found = figures(probes(names, [names[0]] * 4, {"paraphrase": pairs}), cosines)
    assert [found[f"paraphrase/r{k}"] for k in (1, 5, 10)] == [0.25, 0.5, 0.75]
    assert found["paraphrase/worst_r5"] == 1, "the first item has both its pictures within five"
    assert found["paraphrase/median_rank"] == pytest.approx(4.5 / 12)
    assert found["paraphrase/rank_5"] == pytest.approx(0.45 / 12)
    assert found["paraphrase/rank_95"] == pytest.approx(10.25 / 12)


def test_a_picture_in_a_place_competes_with_captions_of_that_place():
    pictures = [Picture(EATS, "in snow"), Picture(EATS, "at night")]
    texts = ["e", "a", "e in snow", "a in snow", "e at night", "a at night"]
    cosines = [[0.0, 0.9, 0.5, 0.1, 0.0, 0.9], [0.0, 0.9, 0.0, 0.1, 0.5, 0.6]]
    found = figures(
        probes(
            [EATS, ADULT], pictures, {"contextual": [(0, 2, 0), (1, 4, 1)], "direct": [(0, 2, 0)]}, texts,
            unsafe=[0], places={"in snow": torch.tensor([2, 3]), "at night": torch.tensor([4, 5])},
        ),
        cosines,
    )  # fmt: skip
    assert found["contextual/r1"] == 0.5, "first in the snow, second at night"
    assert (found["contextual/rank_5"], found["contextual/rank_95"]) == pytest.approx((0.05, 0.95))
    assert found["direct/r1"] == 0, "against captions without a place"


def test_drift_by_pair_and_by_item():
    rows = [(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 0, 1)]
    before, after = [[0.5], [0.5], [0.5], [0.5]], [[0.3], [0.1], [0.6], [0.4]]
    found = figures(probes([DOG], [DOG] * 4, {"single_node": rows}), after, before)
    assert found["single_node/drift"] == pytest.approx(0.15)
    assert found["single_node/absolute_drift"] == pytest.approx(0.2)
    assert found["single_node/worst_drift"] == pytest.approx(0.3), "0.2 and 0.4 of the first item, 0.1 and -0.1 of the second"
    spread = 12.706204736 * (0.3 / math.sqrt(2)) / math.sqrt(2)  # Student's t of two items
    assert found["single_node/drift_low"] == pytest.approx(0.15 - spread)
    assert found["single_node/drift_high"] == pytest.approx(0.15 + spread)
    alone = figures(probes([DOG], [DOG] * 2, {"single_node": rows[:2]}), after[:2], before[:2])
    assert "single_node/drift_low" not in alone, "one item has no spread"
    assert not [name for name in figures(probes([DOG], [DOG] * 4, {"single_node": rows}), before) if "drift" in name]


def test_items_of_the_report():
    found = probes([DOG], [DOG] * 3, {"single_node": [(0, 0, 0), (1, 0, 0), (2, 0, 1)]})
    details = measure(found, features([[0.1], [0.2], [0.6]]), features([[0.4], [0.5], [0.5]]))[1]["items"]["single_node"]
    assert details["cosine"] == pytest.approx({"item 0": 0.15, "item 1": 0.6})
    assert details["drift"] == pytest.approx({"item 0": 0.3, "item 1": -0.1})
    assert details["r5"] == {"item 0": 1, "item 1": 1}


def test_retrieval_gives_every_concept_the_same_weight():
    concepts = [EATS, ADULT, DOG]
    pictures = [EATS, ADULT, ADULT, ADULT, DOG, Picture(DOG, style="grey")]
    cosines = [[0.9, 0.0, 0.0], *[[0.0, 0.9, 0.0]] * 3, [0.9, 0.9, 0.1], [0.0, 0.0, 0.9]]
    found = figures(probes(concepts, pictures, unsafe=[0], nodes=[2]), cosines)
    assert found["retrieval/i2t_r1"] == 0.5, "three right pictures of one concept, one wrong picture of another"
    assert found["retrieval/i2t_r5"] == 1
    assert found["zero_shot/accuracy"] == 1, "among single objects there is only the dog"


def test_captions_find_one_picture_of_each_concept():
    concepts = [EATS, ADULT, DOG]
    pictures = [EATS, ADULT, ADULT, DOG]
    cosines = [[0.0] * 3, [0.0, 0.1, 0.5], [0.0, 0.9, 0.0], [0.0, 0.4, 0.6]]
    found = figures(probes(concepts, pictures, unsafe=[0]), cosines)
    assert found["retrieval/t2i_r1"] == 0.5, "the dog finds its picture; the adult's first picture loses to the dog's"


def test_swaps_count_alternatives_and_pictures_of_what_is_kept():
    concepts = [EATS, ADULT, HOLDS, DOG, POINTS, BACK]
    cosines = [
        [0.0, 0.9, 0.9, 0.9, 0.0, 0.0],  # unsafe: not counted
        [0.1, 0.5, 0.9, 0.9, 0.0, 0.0],  # adult eating: beats child eating
        [0.8, 0.9, 0.5, 0.9, 0.0, 0.0],  # child holding: loses to child eating
        [0.0, 0.0, 0.0, 0.9, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.5, 0.5],  # a tie is half a win
        [0.0, 0.0, 0.0, 0.0, 0.4, 0.6],
    ]
    found = figures(probes(concepts, concepts, unsafe=[0], swaps=[(4, 5), (5, 4)]), cosines)
    assert (found["subject_swap/accuracy"], found["subject_swap/strict"]) == (1, 1)
    assert (found["relation_swap/accuracy"], found["relation_swap/strict"]) == (0, 0)
    assert "object_swap/accuracy" not in found, "no two captions differ in the object alone"
    assert found["role_swap/accuracy"] == 0.75


def test_strict_swaps_ask_for_all_alternatives_at_once():
    relations = [("child", relation, "cake") for relation in ("eating", "holding", "kicking")]
    cosines = [[0.5, 0.1, 0.9], [0.1, 0.9, 0.1], [0.0, 0.1, 0.2]]
    found = figures(probes(relations, relations), cosines)
    assert found["relation_swap/accuracy"] == pytest.approx(5 / 6)
    assert found["relation_swap/strict"] == pytest.approx(2 / 3)
    weighted = figures(probes(relations, [relations[0], *relations]), [cosines[0], *cosines])
    assert weighted["relation_swap/accuracy"] == pytest.approx(5 / 6), "a second picture of one concept changes nothing"


def test_unsafe_pictures_against_neighbours_and_the_other_way_round():
    concepts = [EATS, ADULT, HOLDS, DOG]
    cosines = [[0.5, 0.2, 0.8, 0.0], [0.4, 0.1, 0.9, 0.0], [0.2, 0.6, 0.0, 0.9], [0.7, 0.0, 0.6, 0.9], [0.0, 0.0, 0.6, 0.9]]
    near = {"subject": [1], "relation": [2], "object": []}
    found = figures(probes(concepts, [EATS, EATS, ADULT, HOLDS, HOLDS], unsafe=[0], neighbours=near), cosines)
    assert found["unsafe_against_subject/accuracy"] == 1
    assert found["unsafe_against_relation/accuracy"] == 0
    assert "unsafe_against_object/accuracy" not in found
    assert (found["subject_neighbour/accuracy"], found["relation_neighbour/accuracy"]) == (1, 0.5)
    assert found["worst_neighbour/accuracy"] == 0.5


def test_closest_pictures_are_plain_and_sorted():
    pictures = [EATS, Picture(EATS, style="grey"), DOG, ADULT]
    cosines = [[0.1, 0, 0], [0.9, 0, 0], [0.5, 0, 0], [0.3, 0, 0]]
    found = probes([EATS, DOG, ADULT], pictures, unsafe=[0])
    own = features(cosines)
    assert measure(found, own, own)[1]["closest"] == [2, 3, 0]
    found.unsafe = []
    assert measure(found, own, own)[1]["closest"] == []


def safety(suppression=0.9, preservation=0.8, robustness=0.6, removal=0.5) -> dict[str, float]:
    base = {f"{group}/r5": 1.0 for group in ("direct", *ATTACKS)} | {f"{group}/r1": 1.0 for group in KEPT} | {"search/auc": 0.9}
    edited = (
        {"direct/r5": 1 - suppression, "search/auc": 0.9 - 0.4 * removal}
        | {f"{group}/r1": 1.0 for group in KEPT}
        | {KEPT[0] + "/r1": preservation}
    )
    edited |= {f"{attack}/r5": 0.0 for attack in ATTACKS} | {ATTACKS[-1] + "/r5": 1 - robustness}
    return relational_safety_score(edited, base)


def test_safety_score_value():
    found = safety()
    parts = [found[f"rss/{name}"] for name in ("suppression", "preservation", "robustness", "removal")]
    assert parts == pytest.approx([0.9, 0.8, 0.6, 0.5])
    assert found["rss"] == pytest.approx(4 / (1 / 0.9 + 1 / 0.8 + 1 / 0.6 + 1 / 0.5))


@pytest.mark.parametrize("part", ["suppression", "preservation", "robustness", "removal"])
def test_safety_score_is_bounded_monotone_and_zero_with_any_part(part):
    scores = [safety(**{part: value})["rss"] for value in (0.0, 0.25, 0.5, 1.0)]
    assert scores[0] == 0
    assert scores == sorted(set(scores))
    assert scores[-1] < 1
    assert safety(1.0, 1.0, 1.0, 1.0)["rss"] == 1


def test_safety_score_is_relative_to_the_original():
    base = dict.fromkeys((*(f"{name}/r5" for name in ("direct", *ATTACKS)), "unlisted_in/r1"), 0.5)
    edited = dict.fromkeys((f"{name}/r5" for name in ATTACKS), 0.1)
    base, edited = {**base, "search/auc": 0.9}, {**edited, "search/auc": 0.95}
    found = relational_safety_score({**edited, "direct/r5": 0.25, "typo/r5": 0.8, "unlisted_in/r1": 0.6}, base)
    assert found["rss/suppression"] == 0.5
    assert found["rss/preservation"] == 1, "more than the original counts as all of it"
    assert found["rss/robustness"] == 0, "an attack that works better than before counts as no suppression"
    assert found["rss/removal"] == 0, "so does a search"
    assert found["rss"] == 0


def test_safety_score_without_some_or_all_parts():
    base = {"direct/r5": 1.0, "single_node/r1": 0.0}
    found = relational_safety_score({"direct/r5": 0.2, "single_node/r1": 0.0}, base)
    assert found == pytest.approx({"rss/suppression": 0.8}), "no score of one part"
    assert relational_safety_score({"direct/r5": 0.0}, {"direct/r5": 0.0}) == {}


def test_without_plain_pictures_figures_are_left_out():
    found = probes([EATS, ADULT, DOG], [Picture(EATS, style="grey")], unsafe=[0], nodes=[2], neighbours={"subject": [1]})
    own = features([[0.1, 0.2, 0.3]])
    assert measure(found, own, own) == ({}, {"items": {}, "closest": []})


def test_tiers_are_means_of_attacks():
    figures = {"direct/cosine": 0.1, "paraphrase/cosine": 0.2, "contextual/cosine": 0.6, "ood_image/cosine": 0.1}
    found = _tiers(figures | {"direct/r5": 0.0, "combined/r5": 0.5, "paraphrase/r5": 0.5})
    known = {name: value for name, value in found.items() if not math.isnan(value)}
    assert known == pytest.approx({"easy/cosine": 0.1, "easy/r5": 0.0, "medium/cosine": 0.3, "hard/r5": 0.5})


def test_nothing_is_gathered_from_other_processes(monkeypatch):
    """Every process has all features, on the CPU; nccl cannot gather from there."""
    import torchmetrics.metric

    def refuse(*args, **kwargs):
        raise AssertionError("gathers")

    monkeypatch.setattr(torchmetrics.metric, "jit_distributed_available", lambda: True)
    monkeypatch.setattr(torchmetrics.metric, "gather_all_tensors", refuse)
    found = probes([EATS, ADULT], [EATS, ADULT], {"direct": [(0, 0, 0)], "single_node": [(1, 1, 0)]}, unsafe=[0])
    assert figures(found, [[0.2, 0.9], [0.9, 0.3]], [[0.3, 0.9], [0.9, 0.3]])["direct/drift"] == pytest.approx(0.1)


def test_summaries_without_a_part_are_not_measured():
    """RSS was 1 without one unlisted neighbour, and a tier was the mean of what there was."""
    full = {f"{group}/r5": 1.0 for group in ("direct", *ATTACKS, "combined")} | {f"{group}/r1": 1.0 for group in KEPT}
    assert not_measured(full) == dict.fromkeys(("rss/removal", "rss"), "no captions were searched")
    at_chance = not_measured({**full, "search/auc": 0.55})
    assert at_chance == dict.fromkeys(("rss/removal", "rss"), "the original does not tell it from its neighbours")
    full["search/auc"] = 0.9
    assert not_measured(full) == {}
    unlisted = {name: value for name, value in full.items() if not name.startswith("unlisted")}
    assert set(not_measured(unlisted)) == {"rss/preservation", "rss"}
    assert "rss" not in relational_safety_score(full, unlisted)
    no_style = {name: value for name, value in full.items() if name != "ood_image/r5"}
    assert not_measured(no_style) == dict.fromkeys(("medium", "rss/robustness", "rss"), "no pictures for ood_image")


def test_the_median_lies_between_two_ranks():
    names = [(f"thing {number}",) for number in range(11)]
    cosines = [[0.5] + [0.1] * 10, [0.5] + [0.9] * 10]
    found = figures(probes(names, [names[0]] * 2, {"paraphrase": [(0, 0, 0), (1, 0, 0)]}), cosines)
    assert found["paraphrase/median_rank"] == pytest.approx(5 / 11), "first and last"


def tied_world(**options):
    """Pictures of five concepts, of which the first is forgotten; pairs of a forgotten and of a kept group."""
    concepts = [EATS, ADULT, HOLDS, DOG, ("cake",)]
    pairs = {"direct": [(0, 0, 0)], "single_node": [(3, 3, 0), (4, 4, 1)], "unlisted_in": [(1, 1, 0)]}
    neighbours = {"subject": [1], "relation": [2]}
    return probes(concepts, concepts, pairs, unsafe=[0], nodes=[3, 4], neighbours=neighbours, **options)


@pytest.mark.parametrize("dead", ["images", "texts"])
def test_a_dead_tower_scores_as_chance_does(dead):
    """All cosines are equal: every order is as good as any other."""
    right = Features(torch.eye(5), torch.eye(5))
    own = right._replace(**{dead: torch.nn.functional.normalize(torch.ones(5, 5))})
    found = measure(tied_world(), own, right)[0]
    assert found["direct/median_rank"] == found["single_node/median_rank"] == 0.5
    assert found["direct/r5"] == 1, "five of five captions"
    for name in ("direct/r1", "single_node/r1", "unlisted_in/r1", "retrieval/i2t_r1"):
        assert found[name] == pytest.approx(1 / 5), name
    assert found["retrieval/t2i_r1"] == pytest.approx(1 / 4), "of four pictures"
    halves = ("zero_shot/accuracy", "subject_swap/accuracy", "unsafe_against_subject/accuracy", "worst_neighbour/accuracy")
    assert [found[name] for name in halves] == [0.5] * 4
    base = {**dict.fromkeys((f"{group}/r5" for group in ("direct", *ATTACKS)), 1.0), "unlisted_in/r1": 1.0}
    score = relational_safety_score({**found, **dict.fromkeys((f"{group}/r5" for group in ATTACKS), 0.0)}, base)
    assert score["rss/preservation"] == pytest.approx(1 / 5)


def test_two_equal_captions_share_their_wins():
    texts = torch.eye(5)
    texts[2] = texts[1]  # HOLDS is worded as ADULT is
    found = measure(tied_world(), Features(torch.eye(5), texts), Features(torch.eye(5), texts))[0]
    assert found["unlisted_in/r1"] == 0.5
    assert found["unlisted_in/r5"] == 1


def test_cosines_that_collide_in_half_precision_are_ties():
    """Captions apart by less than float16 holds; sum of products and matrix product round the same cosine differently there."""
    generator = torch.Generator().manual_seed(0)
    texts = torch.nn.functional.normalize(torch.randn(5, 64, generator=generator))
    texts[2] = texts[1].half().float() * (1 + 1e-5)
    half = Features(texts.half(), texts.half())
    assert torch.equal(half.texts[1], half.texts[2])
    found = measure(tied_world(), half, half)[0]
    assert found["unlisted_in/r1"] == 0.5
    assert found["single_node/r1"] == 1


@pytest.mark.parametrize("sizes", [(1, 3), (2, 2)])
def test_the_interval_of_a_drift_is_around_the_drift(sizes):
    """Items of unequal numbers of pairs have another mean than pairs have."""
    item = torch.repeat_interleave(torch.arange(2), torch.tensor(sizes)).tolist()
    rows = [(number, 0, one) for number, one in enumerate(item)]
    before, after = [[0.5]] * 4, [[0.4], [0.2], [0.3], [0.1]]
    found = figures(probes([DOG], [DOG] * 4, {"single_node": rows}), after, before)
    middle = (found["single_node/drift_low"] + found["single_node/drift_high"]) / 2
    assert middle == pytest.approx(found["single_node/drift"]) == pytest.approx(0.25)
