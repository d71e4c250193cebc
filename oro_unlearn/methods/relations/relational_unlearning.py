"""Base class of the methods that forget relations: adapters, the frozen reference, and cached features."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from oro_unlearn.methods.relations.caption_cache import CaptionCache
from oro_unlearn.methods.relations.dual_encoder import DualEncoder, Pairs
from oro_unlearn.methods.relations.first_look import unknown_tuples
from oro_unlearn.methods.relations.sharding import shard_frozen
from oro_unlearn.methods.relations.spread import spread
from oro_unlearn.methods.relations.tuple_rows import of_every_tuple
from oro_unlearn.networks import save_weights
from oro_unlearn.networks.adapter_files import base_sha256
from oro_unlearn.networks.caption_vectors import encode_captions
from oro_unlearn.user_error import UserError

MATCHED = 64  # unsafe training pictures whose cosines with unrelated captions give tau


class RelationalUnlearning(DualEncoder):
    """Edits a CLIP model by adapters; with the adapters switched off, the model is the original, bit for bit.

    Features under the reference are computed once: those of a split's pictures before training, those of a caption when it
    first occurs. If only the text tower is trained, the model's picture features equal the reference's, and batches contain
    no pictures.

    Args:
        towers: Towers that get adapters: ``text``, ``image`` or ``both``.
        adapter: Kind of adapter: ``lora``, ``dora`` or ``rslora``.
        lora_rank: Rank of the adapters.
        lora_alpha: Scale of the adapters; an update is multiplied by lora_alpha / lora_rank.
        lora_dropout: Dropout probability in the adapters.
        targets: Layers that get adapters, see :meth:`OpenCLIP.add_adapter`. Empty: its default.
        retrained: Checkpoints of the same network trained without the tuple, for comparison.
        cache: ``auto``: compute constant features once. ``off``: compute them in every step, and encode each caption as often
            as it occurs in the step. The losses are the same up to rounding.
        picture_batch_size: Number of pictures that are encoded at once before training.
        shard: Shard the frozen weights over the processes (FSDP2), for models that do not fit one GPU; use it with
            ``--trainer.strategy ddp``.
        kwargs: Arguments of :class:`DualEncoder`.

    Raises:
        UserError: If weights are missing; if weights do not fit.
    """

    def __init__(
        self,
        towers: Literal["both", "text", "image"] = "text",
        adapter: Literal["lora", "dora", "rslora"] = "lora",
        lora_rank: int = 8,
        lora_alpha: int = 16,
        lora_dropout: float = 0.0,
        targets: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        cache: Literal["auto", "off"] = "auto",
        picture_batch_size: int = 64,
        shard: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.towers, self.adapter = towers, adapter
        self.lora_rank, self.lora_alpha, self.lora_dropout = lora_rank, lora_alpha, lora_dropout
        self.targets = list(targets)
        self.retrained_paths = list(retrained)
        self.retrained = nn.ModuleList()
        self.adapter_parameters = 0
        if picture_batch_size < 1:
            raise UserError(f"--model.picture_batch_size is a number of pictures, at least 1, not {picture_batch_size}")
        self.cache, self.shard, self.picture_batch_size = cache, shard, picture_batch_size
        self._pictures: dict[str, Tensor] = {}  # reference features (N, D) by split, in the order of its pictures
        self._captions: CaptionCache | None = None  # captions of this fit
        self._resumed_captions: dict[str, Any] | None = None  # captions of the fit that this one resumes

    def setup(self, stage: str) -> None:
        """Load the original and the models to compare with, and add the adapters; done once."""
        if self.network:
            return
        super().setup(stage)
        for path in self.retrained_paths:
            other = deepcopy(self.network)
            other.load_weights(path)  # strict, in the format of plain open_clip
            self.retrained.append(other.requires_grad_(False).eval())
        self._with_adapter(self.network)

    def configure_model(self) -> None:
        """Shard the frozen weights once, if ``shard`` is set and there are several processes."""
        if self.shard and torch.distributed.is_initialized() and "_base" not in self.__dict__:
            _ = self._base  # hash the weights before they are sharded
            shard_frozen(self, self.network.model, self.trainer.world_size, self.trainer.strategy.root_device.type)

    def cpu(self) -> "RelationalUnlearning":
        """Leave sharded weights on their devices, also between fitting and measuring."""
        return self if self.shard and torch.distributed.is_initialized() else super().cpu()

    def train(self, mode: bool = True) -> "RelationalUnlearning":
        """Set training mode for the edited network only."""
        super().train(mode)
        self.retrained.eval()
        return self

    def needs_images(self, split: str) -> bool:
        """Whether training batches must contain pictures: not if their features are cached and do not change."""
        return self.cache == "off" or self.towers != "text"

    def first_look(self) -> list[str]:
        """Check that the original ranks the unsafe caption of an unsafe picture high among the gallery's safe captions."""
        return unknown_tuples(self, self.picture_batch_size)

    def on_fit_start(self) -> None:
        """Encode the pictures of all splits under the reference; drop the features of an earlier fit (other data or device)."""
        super().on_fit_start()
        self._pictures.clear()
        self._captions = None
        if self.cache == "auto":
            for split in self.train_splits:
                if len(self.data.split(split)):  # the loader refuses an empty one and says what to do
                    self.reference_pictures(split)

    def on_after_backward(self) -> None:
        """At the first step, check that gradients reach all adapters.

        Raises:
            UserError: If no gradient reaches an adapter.
        """
        if self.global_step == 0:
            self.network.check_adapter_gradients()

    # -- features

    def pictures(self, split: str, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Features of a batch of a split's pictures under the model and under the reference, (B, D) each."""
        if self.cache == "off":
            reference = self.counted(self.image_features("original", pairs.images), len(pairs.images))
        else:
            reference = self.reference_pictures(split).index_select(0, pairs.index)
        return (reference if self.towers == "text" else self.spread_images(pairs.images)), reference

    def reference_pictures(self, split: str) -> Tensor:
        """Features (N, D) of all pictures of a split under the reference, in order."""
        if split not in self._pictures:
            self._pictures[split] = self.read_pictures(split, partial(self.image_features, "original"))
        return self._pictures[split]

    def read_pictures(self, split: str, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """What is computed from each picture of a split, (N, W), in order. The processes share the pictures.

        Args:
            split: Name of the split.
            encode: Returns (B, W) for pictures (B, 3, H, W) on this module's device.
        """
        pairs, size = self.data.split(split), self.picture_batch_size
        parts = []
        for start in range(0, len(pairs), size):
            images = pairs.__getitems__(range(start, min(start + size, len(pairs))))[0]
            parts.append(self.counted(spread(len(images), partial(self._encode, encode, images)), len(images)))
        return torch.cat(parts)

    def _encode(self, encode: Callable[[Tensor], Tensor], images: Tensor, own: list[int]) -> Tensor:
        return encode(images[own].to(self.device))

    def texts(self, *groups: Sequence[str]) -> tuple[list[Tensor], list[Tensor]]:
        """Features (N, D) of several lists of captions, under the model and under the reference; one tensor per list."""
        captions, sizes = [caption for group in groups for caption in group], [len(group) for group in groups]
        before = self.reference_texts(captions)
        if self.towers == "image":
            now = before
        elif self.cache == "off":
            now = self.spread_texts(captions)
        else:
            now = self._known_captions.now(captions)
        return list(now.split(sizes)), list(before.split(sizes))

    def reference_texts(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the reference."""
        return self.text_features("original", captions) if self.cache == "off" else self._known_captions.before(captions)

    @property
    def _known_captions(self) -> CaptionCache:
        if self._captions is None:
            self._captions = CaptionCache(self.network, partial(self.text_features, "original"), self._resumed_captions)
        return self._captions

    def tau_of(self, form: str) -> float:
        """Mean cosine of some unsafe training pictures, of every tuple, with captions, under the reference.

        Args:
            form: ``unrelated``: captions that have no slot in common with the forgotten tuple. ``mismatched``: captions that
                have 0, 1 or 2 slots in common with it.

        Raises:
            UserError: If there are no such captions.
        """
        captions = [text for shared in ((0,) if form == "unrelated" else (0, 1, 2)) for text in self.data.vocabulary[shared]]
        if not captions:
            raise UserError(f"the graph has no {form} captions: set --model.tau to a number, such as 0")
        rows = of_every_tuple(self.data.split("unsafe").slots, MATCHED)
        return float((self.reference_pictures("unsafe")[rows] @ self.reference_texts(captions).T).mean())

    # -- measuring

    def models(self) -> list[str]:
        """The original, the edited model, and the models to compare with."""
        return ["original", "unlearned", *(f"retrained_{number}" for number in range(len(self.retrained)))]

    @torch.no_grad()
    def image_features(self, role: str, images: Tensor) -> Tensor:
        """Unit vectors (B, D) of images under one of :meth:`models`."""
        with torch.autocast(self.device.type, enabled=False):
            if role == "unlearned":
                return self.network.encode_image(images)
            return self._other(role, lambda network: network.encode_image(images))

    @torch.no_grad()
    def text_features(self, role: str, captions: Sequence[str]) -> Tensor:
        """Unit vectors (N, D) of captions under one of :meth:`models`."""
        if role == "unlearned":
            return super().text_features(role, captions)
        with torch.autocast(self.device.type, enabled=False):
            return self._other(role, lambda network: encode_captions(network, captions, self.text_batch_size))

    @contextmanager
    def opened(self, role: str) -> Iterator[Any]:
        """The network of one of :meth:`models`; for the original, the adapters are off within the block."""
        if role == "original":
            with self.network.reference():
                yield self.network
        else:
            yield self.network if role == "unlearned" else self.retrained[int(role.rpartition("_")[2])]

    def _other(self, role: str, encode: Any) -> Tensor:
        with self.opened(role) as network:
            return encode(network)

    def picture_features(self, images: Tensor) -> dict[str, Tensor]:
        """Unit vectors (B, D) by model. If only the text tower is trained, the edited model has the original's."""
        same = self.towers == "text"
        features = {role: self.image_features(role, images) for role in self.models() if not (same and role == "unlearned")}
        return {role: features["original" if same and role == "unlearned" else role] for role in self.models()}

    # -- files

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store only the adapter, the hash of its base model, and the cached captions."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["state_dict"], checkpoint["base_sha256"] = self.network.adapter_state(), self._base
        checkpoint["captions"] = self._captions.state() if self._captions else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the adapter into the network, and give Lightning the current state dict for the rest.

        Raises:
            UserError: If the adapter has another base model or rank.
        """
        super().on_load_checkpoint(checkpoint)
        try:
            self.network.load_adapter_state(checkpoint["state_dict"])
        except ValueError as error:
            raise UserError(f"--ckpt_path does not fit: {error}") from None
        if checkpoint.get("base_sha256") != self._base:
            raise UserError(
                "the adapter of --ckpt_path belongs to another base model: set --model.network to the one of its run"
            )
        checkpoint["state_dict"] = self.state_dict()
        self._resumed_captions = checkpoint.get("captions")

    @cached_property
    def _base(self) -> str:
        return base_sha256(self.network.model)

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write ``model.safetensors`` with the adapter merged, for plain open_clip, and ``adapter/`` for peft.

        Raises:
            UserError: If weights are sharded and cannot be loaded again, because they were drawn at random.
        """
        network = self.make_network() if self.shard else self.network
        if network is not self.network:
            if base_sha256(network.model) != self._base:
                raise UserError("--model.shard true needs weights from a file: set --model.network.init_args.pretrained")
            self._with_adapter(network)
        save_weights(network.merged_state(), root / "model.safetensors", notes)
        network.save_adapter(root / "adapter")

    def _with_adapter(self, network: Any) -> None:
        """Add this method's adapter to a network; another network than the edited one also gets the adapter's values."""
        options = {"rank": self.lora_rank, "alpha": self.lora_alpha, "kind": self.adapter, "dropout": self.lora_dropout}
        self.adapter_parameters = network.add_adapter(self.towers, targets=self.targets, **options)
        if self.network is not network:
            network.load_adapter_state(self.network.adapter_state())
