"""Groups, captions and pictures of a relational request, drawn or the user's: what is trained on is never measured."""

import re
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer

from oro_unlearn.data import Scenes
from oro_unlearn.data.relations.relation_data import GROUPS, RelationData
from oro_unlearn.data.scenes.scenes import SPLITS
from oro_unlearn.graph import Captions, RelationGraph
from oro_unlearn.graph.roles import implausible, shared_slots
from tests.data.relation_world import FEW, MINOR, Counting, pairs_of, shown, trained_texts, vocabulary
from tests.small_world import world

KEPT = ("edges", "nodes", "neutral")


def said_unsafe(data: RelationData) -> re.Pattern[str]:
    """Any wording of anything unsafe, with words of both banks side by side."""

    def words(name: str, banks: dict[str, tuple[str, ...]]) -> str:
        return "|".join(re.escape(word) for word in (name, *banks["train"], *banks["eval"]))

    graph = data.graph
    found = [
        rf"(an? )?({words(s, graph.objects[s].synonyms)}) ({words(r, graph.relations[r].phrases)}) "
        rf"(an? )?({words(o, graph.objects[o].synonyms)})\b"
        for s, r, o in data.roles.unsafe
    ]
    return re.compile("|".join(found))


# -- groups


def test_nothing_unsafe_is_in_a_group_to_keep(data):
    unsafe, pattern = set(data.roles.unsafe), said_unsafe(data)
    assert shown(data, "unsafe") <= unsafe
    assert all(pattern.search(caption) for caption in data.split("unsafe").captions)
    for name in KEPT:
        assert shown(data, name), name
        assert not shown(data, name) & unsafe, name
        said = [text for text in (*data.split(name).captions, *data.split(name).attacks) if pattern.search(text)]
        assert not said, name
    assert not [text for text in vocabulary(data) if pattern.search(text)]


def test_groups_are_apart(data):
    roles, unlisted = data.roles, set().union(*data.unlisted.values())
    neighbours = set().union(*roles.neighbours.values())
    assert data.listed
    assert unlisted or data.listed_counts["subject"] == 99
    assert set(data.listed) | unlisted <= neighbours
    assert not set(data.listed) & unlisted
    assert all(set(found) <= set(roles.neighbours[slot]) for slot, found in data.unlisted.items())
    train, measured = map(set, data.neutral)
    assert train
    assert measured
    assert not train & measured
    others = {*roles.unsafe, *neighbours, *roles.nodes, *roles.swapped}
    assert not (train | measured) & others
    assert shown(data, "edges") == set(data.listed)
    assert shown(data, "nodes") == set(roles.nodes)
    assert shown(data, "neutral") <= train
    assert max(shared_slots(found, one) for found in train | measured for one in roles.unsafe) <= 1


def test_vocabulary_is_sorted_by_what_it_shares_with_the_unsafe(data):
    plain = {data.captions.plain(concept): concept for concept in data.concrete}
    assert data.vocabulary[3]
    assert not [text for text in data.vocabulary[3] if text in plain], "near misses are no concepts of the graph"
    for shared in (0, 1, 2):
        found = [text for text in data.vocabulary[shared] if text in plain]
        assert found
        assert {max(shared_slots(plain[text], unsafe) for unsafe in data.roles.unsafe) for text in found} == {shared}
        assert len(found) == len(set(found))
        assert len(data.vocabulary[shared]) == len(found) * (1 + data.rewordings)


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_withheld_withholds_but_never_what_is_listed(share):
    full, data = Scenes(**FEW), Scenes(withheld=share, **FEW)
    everything, left = set(vocabulary(full)), set(vocabulary(data))
    assert left < everything
    near_misses = len(full.vocabulary[3])  # are never withheld
    assert (len(left) - near_misses) / (len(everything) - near_misses) == pytest.approx(1 - share, abs=0.03)
    listed = {data.captions.plain(triple) for triple in data.listed}
    assert len(listed) == 7
    assert listed <= left
    outside = {data.measured.items["unlisted_out"][item] for item in data.measured.pairs["unlisted_out"][:, 2]}
    assert outside
    assert not outside & left
    assert set(data.measured.items.get("unlisted_in", ())) <= left
    assert "unlisted_out" not in full.measured.pairs


# -- captions


def only_in(graph: RelationGraph, bank: str, captions: Captions) -> list[re.Pattern[str]]:
    """Words, templates and places of one bank that nothing else holds."""
    wordings: dict[str, list[str]] = {"train": [], "eval": [], "plain": [*graph.objects, *graph.relations]}
    banks = [*(node.synonyms for node in graph.objects.values()), *(r.phrases for r in graph.relations.values())]
    for each in (*banks, graph.contexts):
        for name, words in each.items():
            wordings[name] += words
    for name, templates in captions.templates.items():
        wordings[name] += [part for text in templates for part in re.findall(r"[a-z ,]{5,}", text.replace("{caption}", "|"))]
    patterns = [re.compile(rf"\b{re.escape(word.strip(' ,'))}\b") for word in wordings[bank]]
    others = "\n".join(word for name, words in wordings.items() if name != bank for word in words)
    return [pattern for pattern in patterns if not pattern.search(others)]


def test_training_and_measuring_share_plain_words_only(data):
    captions, graph = data.captions, data.graph
    trained, measured = trained_texts(data), data.measured.texts
    for texts, own, other in ((trained, "train", "eval"), (measured, "eval", "train")):
        whole = "\n".join(texts)
        used = [pattern for pattern in only_in(graph, own, captions) if pattern.search(whole)]
        assert len(used) > 10, "the banks are used"
        leaked = [pattern.pattern for pattern in only_in(graph, other, captions) if pattern.search(whole)]
        assert not leaked, own
    plain = {captions.plain(concept) for concept in (*data.concepts, *data.roles.unsafe)}
    assert set(trained) & set(measured) <= plain


def test_every_training_text_comes_from_the_training_bank():
    data = Scenes(forget=MINOR, pairs=200)
    captions, places = data.captions, ("", *data.graph.contexts["train"])
    attacked = Counter()
    for concept in data.roles.unsafe:
        words = [captions.plain(concept), *captions.wordings(concept, "train")]
        placed = [f"{word} {place}".strip() for word in words for place in places]
        attacked.update([*placed, *(text for word in placed for text in captions.sentences(word, "train"))])
    pairs = data.split("unsafe")
    found = [attack in attacked for attack in pairs.attacks]
    assert 0.65 < sum(found) / len(found) < 0.85, "one in four is misspelt"
    swapped = [attack for attack, known in zip(pairs.attacks, found, strict=True) if not known]
    lengths = {len(text) for text in attacked}
    assert all(len(attack) in lengths for attack in swapped), "letters change places, none is dropped or doubled"
    assert any("minor" in attack or "alcohol" in attack for attack in pairs.attacks), "what is above is attacked too"


# -- pictures


def test_no_picture_is_trained_on_and_measured(small):
    trained = [small.split(name).image(n).numpy().tobytes() for name in GROUPS for n in range(len(small.split(name)))]
    measured = [small.measured.images.image(n).numpy().tobytes() for n in range(len(small.measured.pictures))]
    assert len(set(trained)) == len(trained)
    assert len(set(measured)) == len(measured)
    assert not set(trained) & set(measured)
    assert len(set(SPLITS.values())) == len(SPLITS), "each split draws from a seed of its own"


def picture_bytes(data: Scenes) -> tuple[list[bytes], list[bytes]]:
    trained = [data.split(name).image(n).numpy().tobytes() for name in GROUPS for n in range(4)]
    return trained, [data.measured.images.image(n).numpy().tobytes() for n in range(20)]


def test_a_seed_gives_the_same_pictures_and_captions_and_another_seed_others():
    first, again, other, holdout = world(seed=3), world(seed=3), world(seed=4), world(seed=3, holdout=True)
    assert picture_bytes(first) == picture_bytes(again)
    for name in GROUPS:
        assert first.split(name).captions == again.split(name).captions
        assert first.split(name).attacks == again.split(name).attacks
        assert first.split(name).attacks != other.split(name).attacks
    assert first.measured.texts == again.measured.texts
    for mine, theirs in zip(picture_bytes(first), picture_bytes(other), strict=True):
        assert not set(mine) & set(theirs)
    assert first.measured.pictures == holdout.measured.pictures
    assert not set(picture_bytes(first)[1]) & set(picture_bytes(holdout)[1])


def test_pictures_are_read_once_and_stay_the_same(small):
    split = small.split("unsafe")
    images, captions, attacks, slots, index = split.__getitems__([2, 0, 2])
    assert (images.dtype, images.shape[1], slots.shape, index.tolist()) == (torch.uint8, 3, (3, 3), [2, 0, 2])
    assert torch.equal(images[0], images[2])
    assert captions[1] == split.captions[0]
    assert attacks[1] == split.attacks[0]
    assert split.image(0) is split.image(0)
    (one, *_) = split[2]
    assert torch.equal(one, images[:1])


@pytest.mark.parametrize(("batch_size", "per_group"), [(2, 2), (32, 4)])
def test_a_batch_holds_as_many_pairs_of_every_group(batch_size, per_group, folder):
    data, module = pairs_of(folder, batch_size=batch_size), Counting()
    trainer = Trainer(max_epochs=8, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(module, data)
    assert {name: len(data.split(name)) for name in GROUPS} == {"unsafe": 6, "edges": 8, "nodes": 6, "neutral": 4}
    assert {tuple(size.items()) for size in module.sizes} == {tuple((name, per_group) for name in GROUPS)}
    assert len(module.sizes) == 8 * (8 // per_group), "an epoch is one pass of the longest group"
    assert module.seen == {name: set(range(len(data.split(name)))) for name in GROUPS}


def test_drawn_groups_are_equally_long():
    data = world(pairs=20, batch_size=6)
    data.trainer = SimpleNamespace(lightning_module=Counting(), global_rank=0, world_size=1)
    batches = [batch for batch, _, _ in iter(data.train_dataloader())]
    assert len(batches) == 3
    assert {len(parts[1]) for batch in batches for parts in batch.values()} == {6}


def test_near_misses_differ_in_one_slot_and_are_not_allowed():
    data = Scenes(**FEW)
    unsafe = {triple for triple in data.roles.unsafe if data.graph.concrete(triple)}
    found = implausible(data.graph, data.roles)
    assert ("house", "eating", "hamburger") in found
    assert not [triple for triple in found if data.graph.valid(triple)]
    assert {max(shared_slots(triple, other) for other in unsafe) for triple in found} == {2}


def test_what_is_withheld_does_not_depend_on_what_pretraining_left_out():
    data = Scenes(**{**FEW, "withheld": 0.3, "seed": 0})
    known = set(vocabulary(data))
    withheld = [concept for concept in data.never_pretrained if data.captions.plain(concept) not in known]
    assert 0 < len(withheld) < len(data.never_pretrained)
