"""The pool that the small CLIP model is pretrained on: variants side by side, left-out tuples, mirrored pictures, captions."""

import itertools
from collections import Counter

import pytest
import torch

from oro_unlearn.data import Scenes
from oro_unlearn.data.scenes.pretraining_pairs import GROUP, PretrainingPairs
from oro_unlearn.data.scenes.renderer import CONTEXTS
from oro_unlearn.graph import Concept
from tests.data.relation_world import MINOR
from tests.small_world import world


def pool_of(**options) -> PretrainingPairs:
    return world(pretraining_pictures=2, **options).split("train")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> PretrainingPairs:
    """A pool that has been drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("graph"))
        pool = pool_of(left_out=0.0)
        pool.prepare()
        _ = pool.data.graph, pool.data.captions
    return pool


def batches(pool: PretrainingPairs, size: int = 16) -> list[list[Concept]]:
    """The concepts of an epoch's batches."""
    return [[pool.concepts[position // pool.pictures] for position in batch] for batch in pool.batches(size)]


def test_anchors_have_variants_that_differ_in_one_slot(drawn):
    different: Counter[int] = Counter()
    sampler = drawn.batches(16, itertools.count().__next__)
    found = [batch for _ in range(30) for batch in sampler]
    assert len(found) == 30 * len(sampler) == 30 * (len(drawn) // 16)
    for batch in found:
        assert len(batch) == 16
        concepts = [drawn.concepts[position // drawn.pictures] for position in batch]
        for start in range(0, 16, GROUP):
            anchor, *variants = concepts[start : start + GROUP]
            for variant in variants if len(anchor) == 3 else ():
                assert len(variant) == 3
                slots = [slot for slot in range(3) if anchor[slot] != variant[slot]]
                assert len(slots) <= 1, "a slot is drawn anew; at times it stays what it was"
                different.update(slots)
    assert all(different[slot] > 50 for slot in range(3))
    assert {position for batch in found for position in batch} == set(range(len(drawn))), "every picture is used"


def test_sizes_need_not_be_a_multiple_of_a_group(drawn):
    assert {len(batch) for batch in batches(drawn, 10)} == {10}
    assert len(batches(drawn, 10_000)) == 1


def test_left_out_tuples_are_in_no_batch():
    pool, full = pool_of(left_out=0.3), pool_of(left_out=0.0)
    gone = set(full.concepts) - set(pool.concepts)
    assert 0.1 < len(gone) / len(full.concepts) < 0.5
    assert all(len(concept) == 3 for concept in gone), "single objects stay"
    assert not gone & set(itertools.chain.from_iterable(batches(pool)))
    assert {concept for concept in full.concepts if concept not in gone} == set(pool.concepts)
    assert set(pool_of(left_out=0.3, pretraining_seed=1).concepts) != set(pool.concepts)
    assert set(pool_of(left_out=0.3, seed=1).concepts) == set(pool.concepts), "whatever the seed of a run"


@pytest.mark.parametrize("request_", [MINOR, "cat next to dog"])
def test_what_a_reference_model_goes_without_is_neither_drawn_nor_said(request_):
    data = Scenes(without=[request_], pretraining_pictures=1)
    gone = data.graph.closure(data.graph.parse(request_))
    concrete = {triple for triple in gone if data.graph.concrete(triple)}
    assert len(concrete) == (4 if request_ == MINOR else 2)
    pool = data.pretraining_pairs()
    assert not gone & set(pool.concepts)
    assert len(Scenes(pretraining_pictures=1).pretraining_concepts()) - len(pool.concepts) <= len(concrete)
    assert {("child",), ("toddler",), ("wine",), ("beer",), ("cat",)} <= set(pool.concepts)
    assert not gone & {pool.said(concept) for concept in pool.concepts for _ in range(50)}


def test_pictures_are_mirrored_at_random_and_keep_their_shape(drawn):
    torch.manual_seed(0)
    positions = [0, 1, 2, 3] * 25
    images, captions, said, slots, index = drawn.__getitems__(positions)
    assert (images.dtype, images.shape) == (torch.uint8, (100, 3, 64, 64))
    assert said.shape == slots.shape == (100, 3)
    assert (len(captions), index.tolist()) == (100, positions)
    plain = (images == drawn.pixels[index]).flatten(1).all(1)
    mirrored = (images == drawn.pixels[index].flip(3)).flatten(1).all(1)
    assert (plain ^ mirrored).all()
    assert 30 < int(mirrored.sum()) < 70
    assert slots.tolist() == drawn.data.slots([drawn.concepts[position // 2] for position in positions]).tolist()


def test_the_same_seed_draws_the_same_pool(drawn):
    again, other = pool_of(left_out=0.0), pool_of(left_out=0.0, seed=1)
    for pool in (again, other):
        pool.prepare()
    assert torch.equal(again.pixels, drawn.pixels)
    assert again.contexts == drawn.contexts
    assert set(again.contexts) == {"", *CONTEXTS}, "pretraining sees every place"
    assert not {bytes(one.numpy()) for one in other.pixels} & {bytes(one.numpy()) for one in again.pixels}
    assert batches(again) == batches(pool_of(left_out=0.0))


def test_captions_say_what_is_said_and_that_is_above_what_is_drawn(drawn, monkeypatch):
    graph, captions = drawn.data.graph, drawn.data.captions
    monkeypatch.setattr(captions, "typo", lambda caption, bank, draw: caption)
    positions = list(range(len(drawn))) * 5
    _, texts, said, slots, _ = drawn.__getitems__(positions)
    names = [*graph.objects], [*graph.relations]
    more_general = 0
    for text, spoken, shown, position in zip(texts, said.tolist(), slots.tolist(), positions, strict=True):
        concept = tuple(names[slot % 2][n] for slot, n in enumerate(spoken) if n >= 0)
        words = [captions.plain(concept), *captions.wordings(concept, "train"), *captions.wordings(concept, "eval")]
        place = drawn.contexts[position]
        words += [f"{word} {place}" for word in words] if place else []
        known = {
            *words,
            *(sentence for word in words for bank in ("train", "eval") for sentence in captions.sentences(word, bank)),
        }
        assert text in known
        assert spoken[1] == shown[1], "a relation stays"
        assert all(
            names[0][one] in graph.ancestors(names[0][two])
            for one, two in zip(spoken[::2], shown[::2], strict=True)
            if two >= 0
        )
        more_general += spoken != shown
    assert 0.03 < more_general / len(positions) < 0.1
    assert len(set(texts)) > len(drawn), "captions are new at every reading"
