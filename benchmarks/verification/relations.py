"""Compares relational losses on a dual encoder with random weights: the values of all terms, and the gradients of their sum."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from benchmarks.verification import closed_forms
from benchmarks.verification import relation_losses as transcribed
from benchmarks.verification.rows import Row, apart
from oro_unlearn.methods import Pretraining, PushOnly, RelationRemoval, RelationUnlearning
from oro_unlearn.methods.relations.dual_encoder import Pairs
from oro_unlearn.methods.relations.pretraining import CaptionedPictures
from oro_unlearn.methods.relations.push import Push, Unsafe, preserve_loss, push_loss
from oro_unlearn.methods.relations.removal_losses import WIDTHS, Discriminator
from oro_unlearn.methods.relations.threshold_units import separating_direction
from oro_unlearn.networks.activation_patching import sites_of
from oro_unlearn.networks.mean_ablation import ablate, activation_means

PAPER = "Relationship-aware unlearning (arXiv 2603.14185), section 3.2"
WIDTH, PIXELS = 6, 12
WEIGHTS = {"alpha": 2.0, "beta": 3.0, "delta": 4.0, "gamma": 5.0, "lambda_": 6.0, "kl_rows": 7.0, "vocab_text": 8.0}


class SmallEncoder(nn.Module):
    """Two linear maps, each with an adapter that can be switched off, in float64."""

    scale = 10.0

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        shapes = ((WIDTH, PIXELS), (WIDTH, 8))
        bases = [torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in shapes]
        self.adapters = nn.ParameterList(0.3 * torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in shapes)
        self.bases, self.on = bases, True
        self.model = SimpleNamespace(logit_scale=torch.tensor(2.0, dtype=torch.float64))
        self.embed_dim = WIDTH

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Without the adapters."""
        self.on = False
        try:
            yield
        finally:
            self.on = True

    def encode_image(self, images: Tensor) -> Tensor:
        """Unit vectors (B, D)."""
        return self._encode(0, images.flatten(1).double() / 255)

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """How often each of eight letters occurs."""
        return torch.tensor([[caption.count(letter) for letter in "abcdefgh"] for caption in captions], dtype=torch.float64)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Unit vectors (N, D)."""
        return self._encode(1, tokens)

    def _encode(self, tower: int, inputs: Tensor) -> Tensor:
        return normalize(inputs @ (self.bases[tower] + (self.adapters[tower] if self.on else 0)).T)


class Group:
    """Features of one group of pairs, under the model and under the reference."""

    def __init__(self, encoder: SmallEncoder, images: Tensor, captions: Sequence[str]) -> None:
        self.v, self.t = encoder.encode_image(images), texts(encoder, captions)
        with encoder.reference(), torch.no_grad():
            self.old_v, self.old_t = encoder.encode_image(images), texts(encoder, captions)


def texts(encoder: SmallEncoder, captions: Sequence[str]) -> Tensor:
    """Features of captions."""
    return encoder.encode_text(encoder.tokenize(captions))


def pairs(seed: int, captions: list[str], attacks: list[str]) -> Pairs:
    """Random pictures."""
    images = torch.randint(256, (len(captions), 3, 2, 2), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    slots = torch.zeros(len(captions), 3, dtype=torch.long)
    return Pairs(images, captions, attacks, slots, torch.arange(len(captions)))


GROUPS = {
    "unsafe": pairs(0, ["aab", "abc"], ["baad", "cabe"]),
    "edges": pairs(1, ["bcd", "dde", "fgh"], []),
    "nodes": pairs(2, ["ee", "ffg"], []),
    "neutral": pairs(3, ["h", "gh"], []),
}
VOCABULARY = {0: ["efg", "ffh"], 1: ["bch"], 2: ["cdda", "acch"], 3: ["gaac"]}


def method(kind: type, **options: Any) -> Any:
    """A method of the product on the small encoder, its vocabulary drawn whole."""
    module = kind(network=SmallEncoder, **options)
    module.network = SmallEncoder()
    module.trainer = SimpleNamespace(datamodule=SimpleNamespace(vocabulary=VOCABULARY))
    return module


def compared(module: Any, found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest difference of the terms' values, and of their sums' gradients."""
    assert found.keys() == expected.keys(), (found.keys(), expected.keys())
    parameters = list(module.network.parameters())
    totals: list[Any] = [sum(terms.values()) for terms in (found, expected)]
    slopes = [torch.autograd.grad(total, parameters, retain_graph=True) for total in totals]
    return max(apart(slopes[0], slopes[1]), *(apart(found[name], expected[name]) for name in expected))


def terms(preserve: str, towers: str = "both") -> float:
    """All eight terms."""
    module = method(
        RelationUnlearning, push="cosine", preserve=preserve, cache="off", towers=towers, vocab_captions=10_000, **WEIGHTS
    )
    encoder = module.network
    groups = {name: Group(encoder, group.images, group.captions) for name, group in GROUPS.items()}
    unsafe, kept = groups.pop("unsafe"), list(groups.values())
    attacks = texts(encoder, GROUPS["unsafe"].attacks)
    torch.manual_seed(0)
    words = module.draw_vocabulary()
    safe = [caption for name in groups for caption in GROUPS[name].captions]
    columns = Group(encoder, GROUPS["edges"].images, [*words, *safe])
    everything = [torch.cat([getattr(group, name) for group in (unsafe, *kept)]) for name in ("v", "old_v")]
    hold = transcribed.pulled if preserve == "pull" else transcribed.held
    arguments = [(g.v, g.t) if preserve == "pull" else (g.v, g.t, g.old_v, g.old_t) for g in kept]
    edges, nodes, neutral = (hold(*given) for given in arguments)
    now, before = [part for g in kept for part in (g.t, g.v)], [part for g in kept for part in (g.old_t, g.old_v)]
    expected = {
        "l3_unsafe": transcribed.mean_cosine(unsafe.v, unsafe.t),
        "l2_nodes": 2 * nodes,
        "l1_edges": 3 * edges,
        "l4_neutral": 4 * neutral,
        "lc_consistency": 5 * transcribed.unmoved(now, before),
        "ladv_adversarial": 6 * transcribed.mean_cosine(unsafe.v, attacks),
        "kl_rows": 7 * transcribed.ranking(everything[0], columns.t, everything[1], columns.old_t, encoder.scale),
        "vocab_text": 8 * transcribed.unmoved([columns.t[: len(words)]], [columns.old_t[: len(words)]]),
    }
    torch.manual_seed(0)
    return compared(module, module.losses(**GROUPS), expected)


def pushes() -> float:
    """Every form on random cosines, by value and gradient."""
    draw = torch.Generator().manual_seed(7)
    cosine = (2 * torch.rand(4, 3, generator=draw, dtype=torch.float64) - 1).requires_grad_()
    others = 2 * torch.rand(4, 1, generator=draw, dtype=torch.float64) - 1
    t, old_t, old_others = (normalize(torch.randn(n, WIDTH, generator=draw, dtype=torch.float64)) for n in (3, 3, 5))
    t.requires_grad_()
    differences = []
    for form in get_args(Push):
        given = Unsafe(cosine, others, t, old_others, old_t, 7.0)
        if form == "redirect":
            expected = transcribed.redirected(t, old_t, old_others)
        else:
            expected = transcribed.pushed(form, cosine, others, 7.0, 0.1, 0.2)
        found, leaf = push_loss(form, given, tau=0.1, margin=0.2), t if form == "redirect" else cosine
        slopes = [torch.autograd.grad(value, leaf)[0] for value in (found, expected)]
        differences += [apart(found, expected), apart(*slopes)]
    return max(differences)


def removal() -> float:
    """The terms on pictures, and L3 as the paper has it."""
    off = dict.fromkeys(("alpha", "beta", "delta", "gamma", "lambda_", "kl_rows", "vocab_text"), 0.0)
    own = {"foil": 2.0, "mmd": 3.0, "discriminator": 4.0, "keep": 5.0, "foils_drawn": 4}
    module: Any = method(RelationRemoval, push="cosine", cache="off", **off, **own)
    groups = {name: Group(module.network, group.images, group.captions) for name, group in GROUPS.items()}
    unsafe, kept = groups["unsafe"], [groups[name] for name in ("edges", "nodes", "neutral")]
    torch.manual_seed(6)
    module._foils, module.discriminator = groups["edges"].old_v, Discriminator(WIDTH).double()
    torch.manual_seed(0)
    drawn = module._foils[torch.randint(len(module._foils), (4,))]
    judge = list(module.discriminator.parameters())
    expected = {
        "l3_unsafe": transcribed.mean_cosine(unsafe.v.detach(), unsafe.t),  # moves captions alone
        "foil": 2 * transcribed.nearest(unsafe.v, module._foils),
        "mmd": 3 * transcribed.discrepancy(unsafe.v, drawn, WIDTHS),
        "discriminator": 4 * transcribed.told_apart(unsafe.v, drawn, judge),
        "keep": 5 * transcribed.unmoved([group.v for group in kept], [group.old_v for group in kept]),
    }
    torch.manual_seed(0)
    return compared(module, module.losses(**GROUPS), expected)


def push_only() -> float:
    """L3 alone."""
    module = method(PushOnly, cache="off", towers="both")
    unsafe = Group(module.network, GROUPS["unsafe"].images, GROUPS["unsafe"].captions)
    return compared(module, module.losses(GROUPS["unsafe"]), {"l3_unsafe": transcribed.mean_cosine(unsafe.v, unsafe.t)})


def detector() -> float:
    """The direction of a request's units, from 80 inputs of which 20 are to be detected."""
    draw = torch.Generator().manual_seed(7)
    inputs = torch.randn(80, 12, generator=draw, dtype=torch.float64)
    inputs[:20, 0] += 1.5
    weights, positive = torch.rand(80, generator=draw, dtype=torch.float64), torch.arange(80) < 20
    signs = torch.where(positive, 1.0, -1.0).double()
    expected = closed_forms.separated(inputs.numpy(), signs.numpy(), weights.numpy(), 0.01)
    return apart(separating_direction(inputs, positive, weights, 0.01), torch.from_numpy(expected))


def ablation() -> float:
    """Output of an MLP of which three units say what they say on average, and that average."""
    torch.manual_seed(8)
    layers = OrderedDict(c_fc=nn.Linear(6, 9), gelu=nn.GELU(), c_proj=nn.Linear(9, 5))
    block = nn.ModuleDict({"mlp": nn.Sequential(layers)}).double()
    model, units = nn.ModuleDict({"transformer": block}), torch.tensor([1, 4, 8])
    (site,) = sites_of(model, "text")
    inputs = torch.randn(7, 3, 6, dtype=torch.float64)
    expected = closed_forms.mean_ablated(block["mlp"], inputs, units.tolist())
    means = activation_means(model, [site], lambda: block["mlp"](inputs))[site]
    ablate(model, site, units, means)
    return apart(block["mlp"](inputs), torch.from_numpy(expected))


def pretraining() -> float:
    """Contrastive loss without true negatives, and three heads that read the slots."""
    module = method(Pretraining, slot_weight=0.5)
    encoder = module.network
    torch.manual_seed(4)
    module.heads = nn.ModuleList(nn.Linear(WIDTH, 4) for _ in range(3))
    module.register_buffer("covers", torch.eye(3, dtype=torch.bool), persistent=False)
    slots = torch.tensor([[0, 1, 2], [1, 1, 0], [0, 1, 2], [2, -1, -1]])  # the first and the third show the same
    given = pairs(5, ["abc", "bdd", "acb", "eg"], [])
    batch = CaptionedPictures(given.images, given.captions, slots, slots, given.index)
    shown = Group(encoder, given.images, given.captions)
    same = (slots[:, None] == slots[None]).all(2)
    labels = torch.where(slots < 0, 3, slots)

    def read(features: Tensor) -> Tensor:
        logits = [(10 * features @ head.weight.double().T + head.bias.double()).log_softmax(1) for head in module.heads]
        return -torch.stack([z[torch.arange(4), labels[:, slot]].mean() for slot, z in enumerate(logits)]).mean()

    scale = float(encoder.model.logit_scale.exp())
    expected = {
        "contrastive": transcribed.contrastive(shown.v, shown.t, scale, same),
        "slots": 0.5 * (read(shown.v) + read(shown.t)) / 2,
    }
    return compared(module, module.losses(batch), expected)


def preserving() -> float:
    """Both forms on random cosines."""
    draw = torch.Generator().manual_seed(8)
    cosine, before = (2 * torch.rand(5, generator=draw, dtype=torch.float64) - 1 for _ in range(2))
    found = [preserve_loss("pull", cosine, before), preserve_loss("match_ref", cosine, before)]
    return apart(found, [(1 - cosine).sum() / 5, ((cosine - before) ** 2).sum() / 5])


def rows() -> list[Row]:
    """All of them."""
    values = "eight weighted terms and the gradient of their sum"
    return [
        Row(
            "RelationUnlearning",
            "RelationUnlearning, the paper's forms",
            f"{PAPER}; kl_rows and vocab_text are ours",
            values,
            terms("pull"),
        ),
        Row(
            "RelationUnlearning",
            "RelationUnlearning, match_ref",
            "ours: squared differences to the reference",
            values,
            terms("match_ref"),
        ),
        Row(
            "RelationUnlearning",
            "push_loss, all seven forms",
            f"{PAPER} (cosine); MultiDelete, ECCV 2024 (repair); SafeR-CLIP (redirect); ours",
            "values and gradients",
            pushes(),
        ),
        Row("RelationUnlearning", "preserve_loss, both forms", f"{PAPER} (pull); ours (match_ref)", "values", preserving()),
        Row(
            "ClosedFormRelation",
            "separating_direction",
            "ours: squared hinge with a ridge, by stacked least squares",
            "direction of the detectors",
            detector(),
        ),
        Row(
            "RelationRemoval",
            "RelationRemoval",
            "ours, with maximum mean discrepancy (Gretton et al. 2012) and gradient reversal (arXiv 1409.7495)",
            "four weighted terms on pictures, L3, and the gradient of their sum",
            removal(),
        ),
        Row("CausalPruning", "mean-ablation", "ours: a unit says its mean", "output of an MLP with ablated units", ablation()),
        Row("PushOnly", "PushOnly", f"{PAPER}, L3 alone", "value and gradient", push_only()),
        Row(
            "Pretraining",
            "Pretraining",
            "Radford et al., ICML 2021; our heads",
            "both terms and the gradient of their sum",
            pretraining(),
        ),
    ]
