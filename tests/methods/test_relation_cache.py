"""With and without cache a relational method minimises the same; with it the reference reads everything once."""

import itertools
from collections import Counter

import pytest
import torch
from torch.optim import SGD

from oro_unlearn.methods import PushOnly, RelationUnlearning
from oro_unlearn.methods.relations.caption_cache import CaptionCache
from oro_unlearn.networks import OpenCLIP
from tests.small_world import batch, fit, method, world, write_weights

TOWERS = ("text", "image", "both")


def history(kind=RelationUnlearning, precision="32-true", steps=4, **options) -> dict[str, torch.Tensor]:
    """Losses of every step, by name; of plain SGD, since Adam makes rounding as large as its steps."""
    module = method(kind, optimizer=lambda parameters: SGD(parameters, lr=0.1), warmup=0.0, **options)
    fit(module, world(rewordings=1), steps=steps, precision=precision)
    return {name: torch.stack([step[name] for step in module.history]) for name in module.history[0]}


def same(options: dict, tolerance: float) -> bool:
    """Whether all losses of a run are those of the run without cache; and whether they change in it."""
    cached, naive = (history(**options, cache=cache) for cache in ("auto", "off"))
    assert cached.keys() == naive.keys()
    moved = max(float((values[-1] - values[0]).abs().max()) for values in naive.values())
    assert moved > 5 * tolerance, f"the steps changed something: {moved}"
    return all(torch.allclose(cached[name], naive[name], rtol=tolerance, atol=tolerance) for name in naive)


@pytest.mark.parametrize(("towers", "adapter"), [*((towers, "lora") for towers in TOWERS), ("both", "dora")])
def test_losses_of_every_step_are_those_without_cache(towers, adapter):
    assert same({"towers": towers, "adapter": adapter, "push": "cosine", "vocab_captions": 20}, 1e-4)


@pytest.mark.parametrize("towers", TOWERS)
def test_so_they_are_of_a_method_that_holds_nothing(towers):
    assert same({"kind": PushOnly, "towers": towers}, 1e-4)


def test_so_they_are_in_mixed_precision():
    """In the first steps: at this learning rate later ones multiply what bfloat16 rounds."""
    assert same({"towers": "both", "precision": "bf16-mixed", "push": "cosine", "vocab_captions": 20, "steps": 2}, 1e-2)


@pytest.mark.parametrize("towers", TOWERS)
@pytest.mark.parametrize("cache", ["auto", "off"])
def test_dropout_and_mixed_precision_leave_the_reference_exact(towers, cache):
    module, data = method(towers=towers, cache=cache, lora_dropout=0.5, warmup=0.0), world()
    fit(module, data, steps=1, precision="bf16-mixed")
    module.train()
    pairs = batch(data, "edges")
    with torch.autocast("cpu", torch.bfloat16):
        (now, images), (texts, captions) = module.pictures("edges", pairs), module.texts(pairs.captions)
        now_too, texts_too = module.pictures("edges", pairs)[0], module.texts(pairs.captions)[0]
    plain = OpenCLIP("scenes", pretrained=write_weights())
    with torch.no_grad():
        assert torch.allclose(images, plain.encode_image(pairs.images), atol=1e-6)
        assert torch.allclose(captions[0], plain.encode_text(plain.tokenize(pairs.captions)), atol=1e-6)
    assert not images.requires_grad
    assert not captions[0].requires_grad
    assert torch.equal(now, now_too) == (towers == "text"), "only what is trained has dropout"
    assert torch.equal(texts[0], texts_too[0]) == (towers == "image")


class Counts:
    """How often the reference was shown each picture and caption."""

    def __init__(self, module) -> None:
        self.pictures: Counter = Counter()
        self.captions: Counter = Counter()
        self.encode = module.image_features, module.text_features
        module.image_features, module.text_features = self.image_features, self.text_features

    def image_features(self, role, images):
        assert role == "original"
        self.pictures.update(image.numpy().tobytes() for image in images)
        return self.encode[0](role, images)

    def text_features(self, role, captions):
        assert role == "original"
        self.captions.update(captions)
        return self.encode[1](role, captions)


@pytest.mark.parametrize("towers", TOWERS)
def test_the_reference_sees_each_picture_and_caption_once(towers):
    data, module = world(rewordings=1), method(towers=towers, vocab_captions=20)
    counts = Counts(module)
    fit(module, data, steps=6)
    assert set(counts.captions.values()) == set(counts.pictures.values()) == {1}
    assert sum(counts.pictures.values()) == sum(len(data.split(name)) for name in module.train_splits)
    assert set(data.split("unsafe").attacks) <= set(counts.captions)


def test_without_cache_it_sees_them_in_every_step():
    data, module = world(), method(towers="both", tau=0.0, cache="off")
    counts = Counts(module)
    fit(module, data, steps=6)  # each group of 16 three times
    assert set(counts.pictures.values()) == {3}
    assert min(counts.captions[caption] for caption in data.split("edges").captions) > 6, "as often as they occur"


@pytest.mark.parametrize(("towers", "cache"), [("text", "auto"), ("text", "off"), ("image", "auto"), ("both", "auto")])
def test_batches_hold_pictures_only_where_they_are_needed(towers, cache):
    class Seen(RelationUnlearning):
        def losses(self, **groups):
            seen.update(tuple(pairs.images.shape[1:]) for pairs in groups.values())
            return super().losses(**groups)

    seen: set[tuple[int, ...]] = set()
    fit(method(Seen, towers=towers, cache=cache))
    assert seen == {(0,) if (towers, cache) == ("text", "auto") else (3, 64, 64)}


def test_another_fit_with_other_pictures_forgets_those_of_the_first():
    module, other = method(), world(seed=1)
    fit(module, world())
    fit(module, other)
    pairs = batch(other, "unsafe")
    with module.network.reference():
        assert torch.allclose(module.pictures("unsafe", pairs)[1], module.network.encode_image(pairs.images), atol=1e-6)


def test_captions_of_all_lengths_come_back_in_their_order():
    network = OpenCLIP("scenes", pretrained=write_weights())
    captions = ["a dog", "a child eating a hamburger in a snowy field next to a red house", "a ball", "an adult holding a ball"]

    def encode(texts):
        with torch.no_grad():
            return network.encode_text(network.tokenize(texts))

    cache = CaptionCache(network, encode)
    for order in itertools.islice(itertools.permutations([*captions, "a dog"]), 0, 120, 11):
        expected = torch.cat([encode([caption]) for caption in order])
        for found in (cache.before(order), cache.now(order)):
            assert torch.allclose(found, expected, atol=1e-5)
    assert len(cache.lengths) == len(cache.features) == len(cache.tokens) == 4
