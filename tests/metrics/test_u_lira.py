"""U-LIRA: hand values, an oracle of loops and scipy, the null and the power."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from oro_unlearn.metrics import auc, logit_margin, u_lira


def margins(probabilities):
    probabilities = torch.tensor(probabilities, dtype=torch.float64)
    return (probabilities.log() - (1 - probabilities).log())[:, None]


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def shadows(models, examples, shift=0.0, effect=0.0, seed=0):
    """Examples of different level, models of different bias; the unlearned ones shifted."""
    generator = torch.Generator().manual_seed(seed)
    level = 2 * torch.randn(examples, generator=generator, dtype=torch.float64)

    def draw(mean):
        bias = effect * torch.randn(models, 1, generator=generator, dtype=torch.float64)
        return mean + bias + torch.randn(models, examples, generator=generator, dtype=torch.float64)

    return draw(level + shift), draw(level)


def test_margin_values():
    logits = torch.tensor([[1.0, 2.0, -3.0], [-1.0, 1.0, 0.0]])
    assert logit_margin(logits, torch.tensor([1, 2])).tolist() == pytest.approx([0.98185009, -1.12692802], abs=1e-7)
    assert float(logit_margin(torch.tensor([[30.0, 0.0, 0.0]]), torch.tensor([0]))) == pytest.approx(30 - math.log(2))


def test_margin_is_the_logit_of_the_probability():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(40, 6, generator=generator).double(), torch.randint(2, 6, (40,), generator=generator)
    rows = torch.arange(40)
    own = logits.softmax(1)[rows, labels].numpy()
    assert np.allclose(logit_margin(logits, labels), np.log(own / (1 - own)), atol=1e-10)
    conditional = logits[:, 2:].softmax(1)[rows, labels - 2].numpy()
    assert np.allclose(logit_margin(logits, labels, excluding=[0, 1]), np.log(conditional / (1 - conditional)), atol=1e-10)
    assert torch.equal(logit_margin(logits + 5, labels).round(decimals=9), logit_margin(logits, labels).round(decimals=9))


def test_conditional_margin_does_not_see_a_mask():
    logits, labels = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 3, 0, 1])
    masked = logits.clone()
    masked[:, 2] = -1e4
    assert torch.equal(logit_margin(masked, labels, [2]), logit_margin(logits, labels, [2]))
    assert (logit_margin(masked, labels) > logit_margin(logits, labels)).all()


def test_margin_of_missing_classes_and_broken_logits():
    logits = torch.tensor([[1.0, 2.0, -math.inf], [math.nan, 0.0, 0.0]])
    found = logit_margin(logits, torch.tensor([2, 1]))
    assert found[0] == -math.inf
    assert math.isnan(found[1])
    assert len(logit_margin(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))) == 0


@pytest.mark.parametrize(
    ("logits", "labels", "excluding", "message"),
    [
        (torch.zeros(2, 3), [0], [], "must be"),
        (torch.zeros(1, 3), [3], [], "labels must lie in 0 to 2"),
        (torch.zeros(1, 3), [-1], [], "labels must lie in 0 to 2"),
        (torch.zeros(1, 3), [1], [1], r"without the excluded \[1\]"),
        (torch.zeros(1, 2), [0], [1], "two classes"),
    ],
)
def test_margin_rejects(logits, labels, excluding, message):
    with pytest.raises(ValueError, match=message):
        logit_margin(logits, torch.tensor(labels), excluding)


UNLEARNED, RETRAINED = column(-2, 0), column(2, 4)


@pytest.mark.parametrize("variance", ["auto", "pooled", "example"])
def test_hand_value(variance):
    ratio = u_lira(UNLEARNED, RETRAINED, column(0), column(0), variance=variance).log_ratios
    assert ratio.tolist() == [[pytest.approx(4)], [pytest.approx(4)]]
    assert float(ratio[0].sigmoid()) == pytest.approx(0.98201379, abs=1e-8)


@pytest.mark.parametrize(("ddof", "ratio", "member"), [(0, 11.0025, 0.99998334), (1, 5.407452, 0.99553696)])
def test_hand_value_of_probabilities(ddof, ratio, member):
    sides = margins([0.1, 0.3]), margins([0.01, 0.03])
    found = u_lira(*sides, margins([0.2]), margins([0.2]), ddof=ddof).log_ratios[0]
    assert float(found) == pytest.approx(ratio, abs=1e-6)
    assert float(found.sigmoid()) == pytest.approx(member, abs=1e-8)


def test_densities_of_tensorflow_privacy():
    """LiRA's anchor: minus the log density of three targets; the retrained side is a standard normal of known density."""
    inside = torch.tensor([[-1.0, 0.0, 0.0], [1.0, 2.0, 20.0]])
    outside, target = torch.tensor([[-1.0], [1.0]]).expand(2, 3), torch.tensor([[1.0, 0.0, 0.0]])
    ratios = u_lira(inside, outside, target, target, variance="example").log_ratios[0]
    expected = [1.41893853, 1.41893853, 3.72152363]
    assert (-norm.logpdf(target[0].numpy()) - ratios.numpy()).tolist() == pytest.approx(expected, abs=1e-7)


def test_identical_sides_say_nothing():
    side, target = shadows(4, 30)
    found = u_lira(side, side, target, target)
    assert not found.log_ratios.any()
    assert (found.accuracy, found.auc) == (0.5, 0.5)
    constant = torch.full((3, 5), 7.0)  # no variance at all
    assert u_lira(constant, constant).accuracy == 0.5


@pytest.mark.parametrize("options", [{}, {"variance": "example"}, {"protocol": "class"}])
def test_sides_can_be_swapped_and_levels_shifted(options):
    unlearned, retrained = shadows(5, 40, shift=0.7, effect=0.3)
    found, swapped = u_lira(unlearned, retrained, **options), u_lira(retrained, unlearned, **options)
    assert torch.allclose(found.log_ratios, -swapped.log_ratios.roll(5, 0), atol=1e-9)
    assert (swapped.accuracy, swapped.auc) == pytest.approx((found.accuracy, found.auc))
    assert swapped.standard_error == pytest.approx(found.standard_error)
    moved = u_lira(unlearned + 50, retrained + 50, **options)
    assert torch.allclose(found.log_ratios, moved.log_ratios, atol=1e-6)
    assert found.accuracy > 0.5


def oracle(unlearned, retrained, targets, sharing):
    """Log ratios (M, N) by loops over targets and examples."""

    def parameters(side, example):
        own = side[:, example][np.isfinite(side[:, example])]
        if sharing == "class":
            return side[np.isfinite(side)].mean(), side[np.isfinite(side)].std()
        if len(own) < 2:
            return math.nan, math.nan
        if sharing == "example":
            return own.mean(), own.std()
        enough = [column[np.isfinite(column)] for column in side.T if np.isfinite(column).sum() >= 2]
        return own.mean(), np.sqrt(np.concatenate([(values - values.mean()) ** 2 for values in enough]).mean())

    ratios = np.full(targets.shape, math.nan)
    for target, example in np.argwhere(np.isfinite(targets)):
        value = targets[target, example]
        ratios[target, example] = norm.logpdf(value, *parameters(unlearned, example)) - norm.logpdf(
            value, *parameters(retrained, example)
        )
    return ratios


SHARINGS = {"pooled": {"variance": "pooled"}, "example": {"variance": "example"}, "class": {"protocol": "class"}}


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_oracle_with_targets(sharing, broken):
    unlearned, retrained = shadows(9, 25, shift=1.0)
    if broken:
        unlearned[0, 3], unlearned[:, 5], retrained[1:6, 7], unlearned[8, 2] = math.nan, math.inf, -math.inf, math.nan
    sides, targets = (unlearned[:4], retrained[:6]), (unlearned[4:], retrained[6:])
    found = u_lira(*sides, *targets, **SHARINGS[sharing])
    expected = oracle(*(side.numpy() for side in sides), torch.cat(targets).numpy(), sharing)
    ratios = found.log_ratios.numpy()
    assert np.allclose(ratios, expected, atol=1e-9, equal_nan=True)
    assert found.dropped == (9 + 5 + 2 if broken else 0)
    usable, label = ~np.isnan(ratios), np.repeat([[1], [0]], [5, 3], 0).repeat(25, 1)
    right = [((ratios > 0) == label)[usable & (label == kind)].mean() for kind in (0, 1)]
    assert found.accuracy == pytest.approx(np.mean(right))
    assert found.auc == pytest.approx(roc_auc_score(label[usable], ratios[usable]))


@pytest.mark.parametrize("sharing", SHARINGS)
def test_oracle_leaving_out(sharing):
    unlearned, retrained = (side.numpy() for side in shadows(4, 15, shift=1.0))
    unlearned[1, 2] = math.nan
    rows = []
    for target in (unlearned, retrained):
        for row in range(4):
            kept = [other for other in range(4) if other != row]
            rows.append(oracle(unlearned[kept], retrained[kept], target[row : row + 1], sharing))
    found = u_lira(torch.tensor(unlearned), torch.tensor(retrained), **SHARINGS[sharing])
    assert np.allclose(found.log_ratios, np.concatenate(rows), atol=1e-9, equal_nan=True)


def test_unequal_numbers_of_models():
    unlearned, retrained = (side.numpy() for side in shadows(5, 15, shift=1.0))
    retrained = retrained[:3]
    found = u_lira(torch.tensor(unlearned), torch.tensor(retrained), variance="example").log_ratios
    for row, partner in enumerate([0, 1, 2, 0, 1]):
        sides = np.delete(unlearned, row, 0), np.delete(retrained, partner, 0)
        assert np.allclose(found[row], oracle(*sides, unlearned[row : row + 1], "example"), atol=1e-9)


@pytest.mark.parametrize("variance", ["auto", "pooled", "example"])
@pytest.mark.parametrize("models", [15, 16])
def test_automatic_variance(models, variance):
    sides = shadows(models, 6)
    expected = {"auto": "pooled" if models == 15 else "example"}.get(variance, variance)
    assert torch.equal(u_lira(*sides, variance=variance).log_ratios, u_lira(*sides, variance=expected).log_ratios)
    assert not torch.equal(u_lira(*sides, variance="pooled").log_ratios, u_lira(*sides, variance="example").log_ratios)


def test_jackknife_repeats_the_attack_without_each_pair_of_models():
    unlearned, retrained = shadows(5, 20, shift=0.5, effect=0.5)
    repeated = []
    for row in range(5):
        kept = [other for other in range(5) if other != row]
        again = u_lira(unlearned[kept], retrained[kept])
        repeated.append((again.accuracy, again.auc))
    expected = np.sqrt(np.var(repeated, axis=0) * 4)
    found = u_lira(unlearned, retrained)
    assert (found.standard_error, found.auc_standard_error) == pytest.approx(tuple(expected))


def test_jackknife_with_targets_adds_their_spread():
    unlearned, retrained = shadows(8, 20, shift=0.5, effect=0.5)
    sides, targets = (unlearned[:4], retrained[:4]), (unlearned[4:], retrained[4:])
    variance = 0.0
    for parts in (0, 1):
        repeated = []
        for row in range(4):
            kept = [other for other in range(4) if other != row]
            models = [sides, targets]
            models[parts] = tuple(side[kept] for side in models[parts])
            repeated.append(u_lira(*models[0], *models[1]).accuracy)
        variance += np.var(repeated) * 3
    assert u_lira(*sides, *targets).standard_error == pytest.approx(math.sqrt(variance))


def test_standard_error_of_too_few_models_is_nan():
    unlearned, retrained = shadows(5, 20)
    assert math.isnan(u_lira(unlearned[:3], retrained[:3]).standard_error)
    assert not math.isnan(u_lira(unlearned[:3], retrained[:3], protocol="class").standard_error)
    assert math.isnan(u_lira(unlearned[:4], retrained[:4], unlearned[4:], retrained[4:]).standard_error)


@pytest.mark.parametrize("effect", [0.0, 0.5])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_null_is_one_half_within_the_jackknife_band(sharing, effect):
    results = [u_lira(*shadows(6, 100, effect=effect, seed=seed), **SHARINGS[sharing]) for seed in range(20)]
    inside = [abs(result.accuracy - 0.5) <= 2 * result.standard_error for result in results]
    assert np.mean(inside) >= 0.75
    assert np.mean([result.accuracy for result in results]) == pytest.approx(0.5, abs=0.025)


def test_power_grows_with_the_shift():
    for options in SHARINGS.values():
        found = [u_lira(*shadows(6, 300, shift), **options).accuracy for shift in (0.0, 0.5, 1.0, 2.0)]
        assert found == sorted(found), options
        assert found[-1] > found[0] + 0.15, options


def test_pooled_variance_beats_single_ones_and_one_class_with_three_models():
    accuracy = {
        name: np.mean([u_lira(*shadows(3, 300, shift=2.0, seed=seed), **options).accuracy for seed in range(5)])
        for name, options in SHARINGS.items()
    }
    assert accuracy["pooled"] > accuracy["example"] + 0.03
    assert accuracy["pooled"] > accuracy["class"] + 0.03


def test_rates_at_small_false_positive_rates():
    found = u_lira(*shadows(3, 300, shift=3.0), fpr=(0.1, 0.01, 1e-3))
    assert 1 > found.tpr[0.1] > found.tpr[0.01] > 0
    assert math.isnan(found.tpr[1e-3])  # 900 ratios of retrained models
    assert found.auc == auc(found.log_ratios[:3], found.log_ratios[3:])


SIDE = torch.zeros(3, 4)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((SIDE[:1], SIDE, SIDE, SIDE), {}, "1 unlearned and 3 retrained models: U-LIRA needs 2"),
        ((SIDE, SIDE[:2]), {}, "U-LIRA needs 3"),
        ((SIDE[:1], SIDE[:1]), {"protocol": "class"}, "U-LIRA needs 2"),
        ((SIDE, SIDE, SIDE), {}, "or neither"),
        ((SIDE, SIDE[:, :2]), {}, "same examples"),
        ((SIDE[0], SIDE[0]), {}, "models, examples"),
        ((SIDE[:, :0], SIDE[:, :0]), {}, "models, examples"),
        ((SIDE, SIDE - math.inf), {}, "excluding="),
        ((SIDE, SIDE), {"protocol": "population"}, "must be example or class"),
        ((SIDE, SIDE), {"variance": "fixed"}, "auto, pooled or example"),
    ],
)
def test_u_lira_rejects(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        u_lira(*arguments, **options)
