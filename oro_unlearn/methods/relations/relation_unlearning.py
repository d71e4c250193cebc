"""Relationship-aware unlearning: forget an unsafe tuple and keep its objects, its relation and its neighbours."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from oro_unlearn.methods.relations.closed_form import ClosedForm, Recipe
from oro_unlearn.methods.relations.dual_encoder import Pairs
from oro_unlearn.methods.relations.push import Preserve, Push, Unsafe, preserve_loss, push_loss
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning
from oro_unlearn.user_error import UserError


class RelationUnlearning(RelationalUnlearning):
    """Six terms, L = L3 + alpha L2 + beta L1 + delta L4 + gamma Lc + lambda Ladv (arXiv 2603.14185), and two terms of ours.

    L3 pushes unsafe pictures and captions apart. Ladv does the same with reworded captions. L1 preserves listed safe edges,
    L2 single objects, and L4 neutral concepts. Lc preserves the features of all three groups. Our terms are ``kl_rows`` and
    ``vocab_text``: ``kl_rows`` preserves each picture's ranking of the other captions; ``vocab_text`` preserves captions made
    from the graph's vocabulary, without pictures. The paper gives no weights; all terms are means over pairs.

    Args:
        push: Form of L3 and Ladv, see :func:`push_loss`; the paper uses ``cosine``.
        preserve: Form of L1, L2 and L4, see :func:`preserve_loss`; the paper uses ``pull``.
        alpha: Weight of L2, single objects.
        beta: Weight of L1, safe edges.
        delta: Weight of L4, neutral concepts.
        gamma: Weight of Lc, consistency.
        lambda_: Weight of Ladv.
        kl_rows: Weight of the ranking term.
        vocab_text: Weight of the term for vocabulary captions.
        vocab_captions: Number of vocabulary captions in a step.
        vocab_shares: Fractions of these captions by kind: with 0, 1 and 2 slots in common with the unsafe tuple, and near
            misses that the graph does not allow. If a kind has too few captions, the step has fewer.
        tau: Cosine at which bounded pushes stop: a number, or the mean cosine, under the reference, of unsafe pictures with
            ``unrelated`` captions (no slot in common) or with all ``mismatched`` captions.
        margin: Margin of the hinge above tau.
        init: Start of the adapter. ``none``: it changes nothing. ``closed_form``: the edit of :class:`ClosedFormRelation` with
            its default options, on the last block; training goes on from there.
        kwargs: Arguments of :class:`RelationalUnlearning`.

    Raises:
        UserError: If a weight is negative, the vocabulary is needed and empty, or ``redirect`` has no text tower to train.
    """

    train_splits = ("unsafe", "edges", "nodes", "neutral")

    def __init__(
        self,
        push: Push = "squared",
        preserve: Preserve = "match_ref",
        alpha: float = 5.0,
        beta: float = 5.0,
        delta: float = 5.0,
        gamma: float = 1.0,
        lambda_: float = 1.0,
        kl_rows: float = 2.0,
        vocab_text: float = 200.0,
        vocab_captions: int = 188,
        vocab_shares: list[float] = [0.25, 0.2, 0.35, 0.2],  # noqa: B006 (never changed)
        tau: Literal["unrelated", "mismatched"] | float = "unrelated",
        margin: float = 0.0,
        init: Literal["none", "closed_form"] = "none",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.push, self.preserve, self.tau, self.margin = push, preserve, tau, margin
        self.weights = {"l3_unsafe": 1.0, "l2_nodes": alpha, "l1_edges": beta, "l4_neutral": delta, "lc_consistency": gamma,
                        "ladv_adversarial": lambda_, "kl_rows": kl_rows, "vocab_text": vocab_text}  # fmt: skip
        given = {"alpha": alpha, "beta": beta, "delta": delta, "gamma": gamma, "lambda_": lambda_, "kl_rows": kl_rows}
        negative = [name for name, weight in (given | {"vocab_text": vocab_text}).items() if weight < 0]
        if negative or vocab_captions < 1:
            raise UserError(
                f"--model.{(negative or ['vocab_captions'])[0]}: weights are 0 or more, and vocab_captions 1 or more"
            )
        if push == "redirect" and self.towers == "image":
            raise UserError(
                "--model.push redirect moves captions, and --model.towers image keeps them: choose towers text or both"
            )
        if len(vocab_shares) != 4 or min(vocab_shares) < 0 or not 0.999 < sum(vocab_shares) < 1.001:
            raise UserError(f"--model.vocab_shares are four parts that add up to 1, not {vocab_shares}")
        if init == "closed_form" and (self.towers == "image" or self.adapter == "dora"):
            raise UserError("--model.init closed_form needs --model.adapter lora or rslora, and --model.towers text or both")
        self.vocab_captions, self.vocab_shares, self.stop, self.init = vocab_captions, vocab_shares, 0.0, init

    def on_fit_start(self) -> None:
        """Compute the cosine at which a bounded push stops, and make the edit from which training starts."""
        super().on_fit_start()
        self.stop = self.tau if isinstance(self.tau, int | float) else self.tau_of(self.tau)
        if self.init == "closed_form" and not self.resumed:
            edit = ClosedForm(self, Recipe())
            edit.edit(self.stop)
            self.costs = edit.costs

    def losses(self, unsafe: Pairs, edges: Pairs, nodes: Pairs, neutral: Pairs) -> dict[str, Tensor]:
        """The weighted terms by name; terms with weight 0 are left out."""
        kept = {"l1_edges": edges, "l2_nodes": nodes, "l4_neutral": neutral}
        splits = {"unsafe": unsafe, "edges": edges, "nodes": nodes, "neutral": neutral}
        pictures = {name: self.pictures(name, pairs) for name, pairs in splits.items()}
        safe = list(dict.fromkeys(caption for pairs in kept.values() for caption in pairs.captions))
        vocabulary = self.draw_vocabulary() if self.weights["vocab_text"] or self.weights["kl_rows"] else []
        forgotten = list(dict.fromkeys(unsafe.captions))
        now, before = self.texts(forgotten, unsafe.attacks, safe, vocabulary, *(pairs.captions for pairs in kept.values()))
        with torch.autocast(self.device.type, enabled=False):
            images, references = (torch.cat(features) for features in zip(*pictures.values(), strict=True))
            terms = self._push_terms(pictures["unsafe"], now, before) | self.picture_terms(pictures)
            terms |= self._preserving_terms(dict(zip(kept, list(pictures.values())[1:], strict=True)), now[4:], before[4:])
            if vocabulary:
                columns = torch.cat([now[3], now[2]]), torch.cat([before[3], before[2]])  # no unsafe captions
                terms["kl_rows"] = self._ranking(images @ columns[0].T, references @ columns[1].T)
                terms["vocab_text"] = (1 - (now[3] * before[3]).sum(1)).mean()
        return {name: weight * terms[name] for name, weight in self.weights.items() if weight}

    def picture_terms(self, pictures: dict[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """Further terms, on pictures alone, for a subclass; their weights are in ``weights``.

        Args:
            pictures: What :meth:`pictures` gives for the batch of each split.
        """
        return {}

    def _push_terms(self, pictures: tuple[Tensor, Tensor], now: list[Tensor], before: list[Tensor]) -> dict[str, Tensor]:
        terms = {}
        for name, position in (("l3_unsafe", 0), ("ladv_adversarial", 1)):
            unsafe = Unsafe(
                pictures[0] @ now[position].T,
                pictures[1] @ before[2].T,
                now[position],
                before[2],
                before[position],
                self.network.scale,
            )
            terms[name] = push_loss(self.push, unsafe, self.stop, self.margin)
        return terms

    def _preserving_terms(
        self, pictures: dict[str, tuple[Tensor, Tensor]], now: list[Tensor], before: list[Tensor]
    ) -> dict[str, Tensor]:
        terms, moved = {}, []
        for (name, (images, references)), texts, old in zip(pictures.items(), now, before, strict=True):
            terms[name] = preserve_loss(self.preserve, (images * texts).sum(1), (references * old).sum(1))
            moved += [1 - (texts * old).sum(1)] if self.towers != "image" else []
            moved += [1 - (images * references).sum(1)] if self.towers != "text" else []
        terms["lc_consistency"] = torch.cat(moved).mean()
        return terms

    def _ranking(self, scores: Tensor, reference: Tensor) -> Tensor:
        """KL divergence of each picture's softmax over captions from the reference's softmax, at the model's temperature."""
        new, old = ((self.network.scale * values).log_softmax(1) for values in (scores, reference))
        return kl_div(new, old, log_target=True, reduction="batchmean")

    def draw_vocabulary(self) -> list[str]:
        """Random vocabulary captions in the fractions ``vocab_shares``; a kind with too few captions gives all it has.

        Raises:
            UserError: If no caption could be drawn.
        """
        vocabulary = self.data.vocabulary
        chosen: list[str] = []
        for shared, share in enumerate(self.vocab_shares):
            order = torch.randperm(len(vocabulary[shared]))[: round(share * self.vocab_captions)].tolist()
            chosen += [vocabulary[shared][position] for position in order]
        if not chosen:
            raise UserError(
                "no safe captions to draw: raise vocab_captions, extend the graph, or set vocab_text and kl_rows to 0"
            )
        return chosen
