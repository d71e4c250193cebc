"""Altered pictures: what an alteration does to pixels, and what the attacks say of models whose answer is known."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import normalize

from oro_unlearn.attacks.relations import (
    MIXTURES,
    Half,
    Target,
    altered,
    crops,
    halves,
    image_query,
    load_pictures,
    mixture,
    occlusions,
    picture_figures,
    pushed,
    pushed_pictures,
)
from oro_unlearn.networks import OpenCLIP
from tests.attacks.test_relation_attacks import Picture
from tests.small_world import write_weights

SIZE = 16
EATS, HOLDS, PIZZA = ("child", "eating", "cake"), ("child", "holding", "cake"), ("child", "eating", "pizza")
COLOUR = {EATS: 0, HOLDS: 1, PIZZA: 2, ("cake",): 3}  # the column of a picture that is white


def shown(concept: tuple[str, ...]) -> torch.Tensor:
    image = torch.zeros(3, SIZE, SIZE, dtype=torch.uint8)
    image[..., 4 * COLOUR[concept] : 4 * COLOUR[concept] + 4] = 255
    return image


def world(count: int = 8) -> SimpleNamespace:
    """Probes whose pictures have one white column, by concept."""
    concepts = [*COLOUR, *((f"thing {number}",) for number in range(10))]
    pictures = [Picture(concept) for _ in range(count) for concept in COLOUR]
    return SimpleNamespace(
        pictures=pictures,
        concepts=concepts,
        picture_concept=torch.tensor([concepts.index(picture.concept) for picture in pictures]),
        texts=[" ".join(concept) for concept in concepts],
        unsafe=[0],
        neighbours={"subject": [], "relation": [1], "object": [2]},
        images=SimpleNamespace(__getitems__=lambda rows: (torch.stack([shown(pictures[row].concept) for row in rows]),)),
    )


def columns(images: torch.Tensor) -> torch.Tensor:
    """A model that sees the brightness of four columns; the gallery's other captions are unlike any picture."""
    seen = images.float().mean((1, 2)).view(len(images), 4, 4).mean(2)
    return normalize(torch.cat([seen, torch.full((len(images), 10), 1e-3)], 1))


def test_alterations_keep_size_and_type_and_do_the_same_to_every_picture():
    images = torch.randint(0, 256, (3, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images[2] = images[0]
    for make in (crops, occlusions):
        for change, again in zip(make(6, seed=1), make(6, seed=1), strict=True):
            result = change(images)
            assert (result.shape, result.dtype) == (images.shape, torch.uint8)
            assert torch.equal(result[0], result[2])
            assert torch.equal(result, again(images))
            assert not torch.equal(result, images)
    black, white = torch.zeros_like(images), torch.full_like(images, 255)
    means = {name: mixture(name)(black, white).float() for name in MIXTURES}
    assert means["average"].unique().tolist() == [128]
    assert means["mostly the first"].unique().tolist() == [89]
    assert means["left and right"][..., : SIZE // 2].max() == 0
    assert means["right and left"][..., : SIZE // 2].min() == 255
    assert means["above and below"][:, :, : SIZE // 2].max() == 0


def test_pictures_of_both_halves_are_disjoint_and_mixtures_are_safe():
    probes, read = world(), []
    images = probes.images.__getitems__
    probes.images = SimpleNamespace(__getitems__=lambda rows: read.append(rows) or images(rows))
    parts = halves(probes, seed=0)
    pictures = load_pictures(probes, parts, most=3)
    sought, held_out, *mixed = read
    assert not {*sought} & {*held_out}
    assert [len(part.half.unsafe) for part in pictures[:2]] == [3, 3]
    assert {*sought} <= {row for rows in parts[0][:2] for row in rows.tolist()}
    concepts = [[probes.pictures[row].concept for row in rows] for rows in mixed]
    assert {*concepts[0], *concepts[2]} == {PIZZA, HOLDS}
    assert {*concepts[1], *concepts[3]} == {("cake",)}
    assert not {*mixed[1]} & {*mixed[3]}
    mixable = pictures.mixable[1]
    assert (columns(mixable.images[mixable.half.unsafe]).argmax(1) == 2).all()
    assert (columns(mixable.images[mixable.half.foils["holding"]]).argmax(1) == 1).all()
    probes.unsafe, parts = [0], [half._replace(foils={}) for half in parts]
    assert load_pictures(probes, tuple(parts), most=3).mixable is None, "there is no foil to compare a mixture with"


def test_a_plain_caption_finds_altered_pictures_if_it_finds_their_column():
    """The caption of the model lies along the first column. A blind caption lies along no column."""
    probes, ticks = world(), []
    pictures = load_pictures(probes, halves(probes, seed=0), most=4)
    gallery = torch.eye(14)
    caption = Target(columns, gallery, gallery[:1], probes)
    found = altered(caption, pictures, 6, 0, lambda: ticks.append(1))
    figures = picture_figures(found)
    assert set(found) == {"crop", "occlusion", "mixed"}
    assert len(ticks) == 3
    assert figures["crop/r5"] == figures["crop/auc"] == figures["occlusion/auc"] == 1
    assert figures["mixed/excess_r5"] == figures["mixed/r5"] - figures["mixed/foil_r5"]
    both = altered(caption._replace(plain=normalize(gallery[2:3] + gallery[3:4])), pictures, 6, 0, lambda: None)["mixed"]
    assert (both["r5"], both["auc"], both["foil"]) == (1, 1, "holding"), "a mixture has the columns of both pictures"
    blind = altered(caption._replace(plain=-gallery[:1]), pictures, 6, 0, lambda: None)
    assert picture_figures(blind)["crop/r5"] == 0


def test_a_push_stays_within_its_distance_and_moves_pictures_to_the_caption():
    network = OpenCLIP("scenes", pretrained=write_weights())
    images = torch.randint(0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.inference_mode():  # as Lightning measures
        captions = network.encode_text(network.tokenize(["robot under a pizza", "a dog", "a child eating a cake"]))
        assert torch.equal(pushed(network, images, captions[:1], captions[1:], 0, 3), images)
        moved = pushed(network, images, captions[:1], captions[1:], 4, 3)
        assert (moved.int() - images.int()).abs().max() == 4
        seen = SimpleNamespace(mean=network.mean, scale=10.0, encode_image=lambda part: columns(255 * part))
        low = (
            pushed(seen, images[..., :SIZE, :SIZE], torch.eye(14)[:1], torch.eye(14)[1:], 8, 5).int()
            - images[..., :SIZE, :SIZE].int()
        )
        assert low[..., :4].float().mean() > 7 > -7 > low[..., 4:].float().mean(), "the column of the caption, and the others"
        half = Half(torch.tensor([0, 1]), torch.tensor([2, 3]), {"under": torch.tensor([3])})
        probes = SimpleNamespace(unsafe=[0], texts=["robot under a pizza", "a dog", "a child eating a cake"])
        target = Target(network.encode_image, captions, captions[:1], probes)
        found = pushed_pictures(target, network, SimpleNamespace(images=images, half=half), 2, lambda: None)
    assert set(found) == {"pgd_2", "pgd_4", "pgd_8"}
    assert all((one["foil"], one["foil_pictures"]) == ("under", 1) for one in found.values())
    assert all(parameter.grad is None for parameter in network.parameters())
    with pytest.raises(ValueError, match="distance is 0 or more"):
        pushed(network, images, captions[:1], captions[1:], -1, 3)
    with pytest.raises(ValueError, match="uint8"):
        pushed(network, images.float(), captions[:1], captions[1:], 4, 3)


def test_a_query_by_pictures_finds_pictures_that_are_alike_and_no_others():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(400, 32, generator=generator)
    first, second = (Half(torch.arange(start, start + 80), torch.arange(start + 80, start + 200), {}) for start in (0, 200))
    noise = image_query(normalize(images), first, second, seed=0)
    assert noise["auc"] == pytest.approx(0.5, abs=0.1)
    assert noise["recall"] == pytest.approx(80 / 200, abs=0.1)
    equal = torch.ones_like(images)
    assert image_query(normalize(equal), first, second, seed=0) == pytest.approx({"auc": 0.5, "recall": 0.4}), "ties are chance"
    images[torch.cat([first.unsafe, second.unsafe])] += 50 * torch.eye(32)[0]
    assert image_query(normalize(images), first, second, seed=0) == {"auc": 1, "recall": 1}
