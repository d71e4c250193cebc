"""Compares the package's attacks on features with transcribed equations and scikit-learn: alignment, probes, relearning."""

from typing import Literal

import numpy as np
import torch

from benchmarks.verification import losses
from benchmarks.verification import metrics as transcribed
from benchmarks.verification.measures import FORGOTTEN, by_number, draw
from benchmarks.verification.rows import Row, apart, figures_apart
from benchmarks.verification.subject import CLASSES, network
from oro_unlearn import attacks


def representation() -> list[Row]:
    """Alignment, and how a class lies in feature space."""
    from sklearn.metrics import silhouette_samples

    a, b = draw(25, 6, seed=17), draw(25, 4, seed=18) + draw(25, 6, seed=17)[:, :4]
    labels = torch.arange(25) % 4
    gone = np.isin(labels.numpy(), FORGOTTEN)
    kinds: tuple[Literal["cosine", "euclidean"], ...] = ("cosine", "euclidean")
    values = {kind: silhouette_samples(a.numpy(), labels.numpy(), metric=kind) for kind in kinds}
    margins = torch.cat([attacks.separation_margin(a, labels, FORGOTTEN, kind) for kind in kinds])
    means = {kind: attacks.silhouette(a, labels, 3, kind) for kind in kinds}
    x, y = a.numpy(), b.numpy()
    return [
        Row(
            "cka",
            "cka",
            "Kornblith et al., ICML 2019; Song et al., JMLR 2012 (debiased)",
            "by Gram matrices",
            figures_apart(
                {"plain": attacks.cka(a, b), "debiased": attacks.cka(a, b, debiased=True)},
                {"plain": transcribed.kernel_cka(x, y), "debiased": transcribed.unbiased_cka(x, y)},
            ),
        ),
        Row(
            "separation_margin",
            "separation_margin",
            "sklearn.metrics.silhouette_samples",
            "of each sample, two distances",
            figures_apart(by_number(margins), by_number(np.concatenate([values[kind][gone] for kind in kinds]))),
        ),
        Row(
            "silhouette",
            "silhouette",
            "sklearn.metrics.silhouette_samples",
            "mean of a class, two distances",
            figures_apart(means, {kind: values[kind][labels.numpy() == 3].mean() for kind in kinds}),
        ),
    ]


def probe() -> Row:
    """A fresh linear classifier on frozen features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, recall_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    centres = 0.7 * draw(4, 5, seed=19)
    train, test = torch.arange(80) % 4, torch.arange(60) % 4
    features = [centres[labels] + draw(len(labels), 5, seed=20 + len(labels)) for labels in (train, test)]
    found = attacks.linear_probe(features[0], train, features[1], test, FORGOTTEN)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500)).fit(
        features[0].numpy(), train.numpy()
    )
    said, truth = model.predict(features[1].numpy()), test.numpy()
    expected = {
        "recall": recall_score(truth, said, labels=FORGOTTEN, average="micro"),
        "balanced_accuracy": balanced_accuracy_score(np.isin(truth, FORGOTTEN), np.isin(said, FORGOTTEN)),
    }
    assert all(0.3 < value < 0.97 for value in expected.values()), expected
    return Row(
        "linear_probe",
        "linear_probe",
        "sklearn.linear_model.LogisticRegression behind StandardScaler",
        "recall, balanced accuracy",
        figures_apart(found._asdict(), expected),
    )


def quantisation() -> Row:
    """Weights of few bits, with one scale for each output channel."""
    layer = torch.nn.Conv2d(3, 5, 3)
    layer.weight.data = draw(5, 3, 3, 3, seed=23).float()
    found, expected = [], []
    for bits in (8, 4, 2):
        largest = 2 ** (bits - 1) - 1
        scales = layer.weight.data.abs().amax((1, 2, 3)) / largest
        found.append(attacks.quantise(layer, bits).weight)
        zeros = torch.zeros(5, dtype=torch.int32)
        expected.append(torch.fake_quantize_per_channel_affine(layer.weight.data, scales, zeros, 0, -largest, largest))
    name = "torch.fake_quantize_per_channel_affine"
    return Row("quantise", "quantise", name, "weights of 8, 4 and 2 bits", apart(found, expected))


def relearning() -> Row:
    """From sets of one image each, whose batches are no matter of chance."""
    torch.manual_seed(7)
    model = network().double()
    forget, retain = ((torch.randn(1, 1, 8, 8), torch.tensor([label])) for label in (1, 2))
    tests = torch.randn(64, 1, 8, 8), torch.full((64,), 1)
    counts = (0, 1, 2, 4, 8, 16)
    found = attacks.relearning_curve(
        model, CLASSES, [1], forget, retain, tests, counts, lr=0.1, batch_size=4, reset_head_rows=False
    )
    batch = tuple(torch.cat([a, a, b, b]) for a, b in zip(forget, retain, strict=True))
    expected = {}
    for count in counts:
        student = losses.descend(
            model, [lambda n: losses.cross_entropy(n, batch)] * count, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)
        )
        expected[str(count)] = float((student(tests[0]).argmax(1) == 1).double().mean())
    assert len(set(expected.values())) > 3, expected
    return Row(
        "relearning_curve",
        "relearning_curve",
        "cross-entropy under SGD with momentum, written out",
        "accuracy after up to 16 steps",
        figures_apart({str(count): value for count, value in found.items()}, expected),
    )


def scores() -> Row:
    """What is saved of a classifier."""
    model = network().eval()
    images = torch.rand(10, 1, 8, 8)
    batches = [(part, torch.zeros(len(part), dtype=torch.long), torch.arange(len(part))) for part in images.split(4)]
    found = attacks.collect_scores(model, CLASSES, batches)
    features = model.layer1(images)
    features = model.layer3(model.layer2(features)).mean((2, 3))
    logits = features @ model.fc.weight.T + model.fc.bias
    return Row(
        "collect_scores",
        "collect_scores",
        "a forward pass, written out",
        "logits and features, float32",
        max(
            figures_apart(by_number(a), by_number(b.detach())) for a, b in ((found.logits, logits), (found.features, features))
        ),
    )


def rows() -> list[Row]:
    """All of them."""
    return [*representation(), probe(), quantisation(), relearning(), scores()]
