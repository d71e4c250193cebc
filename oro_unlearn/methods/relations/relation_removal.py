"""Removal: unsafe pictures get the features of their neighbours' pictures, so that no caption can tell them apart."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from oro_unlearn.attacks.relations import search_captions
from oro_unlearn.methods.relations.caption_cache import on_device
from oro_unlearn.methods.relations.dual_encoder import Pairs
from oro_unlearn.methods.relations.foils import Foils, foil_rows
from oro_unlearn.methods.relations.relation_unlearning import RelationUnlearning
from oro_unlearn.methods.relations.removal_losses import Discriminator, mean_discrepancy
from oro_unlearn.user_error import UserError

SEARCHES, BEAM, ROUNDS = 4, 4, 5  # of the adversary, before an epoch; a search starts from no word
LOOKED_AT = 128  # pictures of each kind that the adversary looks at


class RelationRemoval(RelationUnlearning):
    """Moves unsafe pictures to where the original sees their foils: pictures of listed neighbours, which differ in one slot.

    The terms of :class:`RelationUnlearning` make the text tower forget; L3 and Ladv move no picture. Terms on pictures are
    added: ``foil``, 1 - cosine with the nearest foil; ``mmd``, the discrepancy between unsafe pictures and the foils that are
    drawn for a step; ``discriminator``, a small network that tells them apart, with a reversed gradient; ``keep``, 1 - cosine
    of all other pictures with their features under the reference. Features of foils are the reference's. In ``kl_rows``, the
    target of an unsafe picture is its nearest foil.

    Args:
        foil: Weight of the nearest foil.
        mmd: Weight of the discrepancy.
        discriminator: Weight of the discriminator.
        keep: Weight of the other pictures' features.
        foils: Pictures whose features an unsafe picture may get: ``neighbours``, all listed neighbours; ``relation``, those
            that have subject and object of an unsafe tuple, and another relation.
        foils_drawn: Number of foils in a step.
        adversary: ``search``: before each epoch, a greedy search over the words of training captions finds captions that tell
            unsafe training pictures from foils. Unsafe pictures then get the mean cosine that foils have with these captions.
            ``static``: there is no search.
        searched: Weight of the searched captions.
        queries: Largest number of captions that the adversary scores in a search; it makes four searches before an epoch.
        towers: ``both``, or ``image`` alone.
        kwargs: Arguments of :class:`RelationUnlearning`.

    Raises:
        UserError: If a weight is negative; if no image tower is trained; if there are no foils.
    """

    def __init__(
        self,
        foil: float = 1.0,
        mmd: float = 20.0,
        discriminator: float = 0.0,
        keep: float = 20.0,
        foils: Foils = "neighbours",
        foils_drawn: int = 128,
        adversary: Literal["static", "search"] = "static",
        searched: float = 1.0,
        queries: int = 800,
        towers: Literal["both", "image"] = "both",
        **kwargs: Any,
    ) -> None:
        super().__init__(towers=towers, **kwargs)
        own = {"foil": foil, "mmd": mmd, "discriminator": discriminator, "keep": keep}
        own["searched"] = searched if adversary == "search" else 0.0
        negative = [name for name, weight in own.items() if weight < 0]
        if negative or min(foils_drawn, queries) < 1:
            name = (negative or ["foils_drawn" if foils_drawn < 1 else "queries"])[0]
            raise UserError(f"--model.{name}: weights are 0 or more, foils_drawn and queries 1 or more")
        self.weights |= own
        self.foils, self.foils_drawn, self.adversary, self.queries = foils, foils_drawn, adversary, queries
        self.discriminator: Discriminator | None = None
        self.found: list[str] = []  # captions that the adversary has found so far
        self._foils = torch.empty(0)  # features (F, D) of all foils under the reference

    def setup(self, stage: str) -> None:
        """Make the discriminator, once the length of a feature is known."""
        super().setup(stage)
        if self.weights["discriminator"] and self.discriminator is None:
            self.discriminator = Discriminator(self.network.embed_dim)

    def on_fit_start(self) -> None:
        """Collect the foils.

        Raises:
            UserError: If there are none.
        """
        super().on_fit_start()
        rows = foil_rows(self.data, self.foils).to(self.device)
        self._foils = self.reference_pictures("edges")[rows]

    def pictures(self, split: str, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Features of a batch of a split's pictures under the model, and those that they should have, (B, D) each."""
        now, reference = super().pictures(split, pairs)
        if split == "unsafe":
            return now, self._foils.index_select(0, (now.detach() @ self._foils.T).argmax(1))
        return now, reference

    def _push_terms(self, pictures: tuple[Tensor, Tensor], *texts: list[Tensor]) -> dict[str, Tensor]:
        """The push moves captions alone: foils say where unsafe pictures go."""
        return super()._push_terms((pictures[0].detach(), pictures[1]), *texts)

    def picture_terms(self, pictures: dict[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """Terms that move unsafe pictures to the foils, and keep all others."""
        unsafe, nearest = pictures["unsafe"]
        drawn = torch.randint(len(self._foils), (self.foils_drawn,)).tolist()
        foils = self._foils.index_select(0, on_device(drawn, self.device))
        moved = [1 - (now * goal).sum(1) for split, (now, goal) in pictures.items() if split != "unsafe"]
        terms = {"foil": (1 - (unsafe * nearest).sum(1)).mean(), "keep": torch.cat(moved).mean()}
        terms["mmd"] = mean_discrepancy(unsafe, foils)
        if self.discriminator is not None:
            terms["discriminator"] = self.discriminator(unsafe, foils)
        if self.weights["searched"]:
            captions = self.texts(self.found)[0][0].detach()  # pictures must move, not these captions
            terms["searched"] = ((unsafe - self._foils.mean(0)) @ captions.T).mean(0).square().mean()
        return terms

    def on_train_epoch_start(self) -> None:
        """Let the adversary search against the current model."""
        super().on_train_epoch_start()
        if self.adversary == "search":
            self.found += [caption for caption in self._search() if caption not in self.found]

    @torch.no_grad()
    def _search(self) -> list[str]:
        pairs = self.data.split("unsafe")
        chosen = torch.randperm(len(pairs))[:LOOKED_AT].tolist()
        images = pairs.__getitems__(chosen)[0].to(self.device)
        features = self.counted(self.image_features("unlearned", images), len(images))
        direction = features.mean(0) - self._foils.mean(0)
        captions = [text for texts in (pairs.captions, pairs.attacks, *self.data.vocabulary.values()) for text in texts]
        words = sorted({word for caption in captions for word in caption.lower().split()})
        seeds = range(self.epoch_seed(1), self.epoch_seed(1) + SEARCHES)

        def score(tried: Sequence[str]) -> Tensor:
            return self.text_features("unlearned", tried) @ direction

        return [search_captions(score, words, [""], self.queries, BEAM, ROUNDS, seed).caption for seed in seeds]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the discriminator and the captions that were found."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["found"] = self.found
        checkpoint["discriminator"] = self.discriminator.state_dict() if self.discriminator else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the discriminator and the captions that were found."""
        self.found = list(checkpoint.get("found", []))
        if self.discriminator is not None and checkpoint.get("discriminator"):
            self.discriminator.load_state_dict(checkpoint["discriminator"])
        super().on_load_checkpoint(checkpoint)
