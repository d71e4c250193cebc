"""What methods and the command line may ask of data, by the kind of task; nothing here imports the rest of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

    from oro_unlearn.data.images.image_data import ImageData
    from oro_unlearn.data.relations.relation_data import RelationData
    from oro_unlearn.data.relations.relation_probes import RelationProbes
    from oro_unlearn.graph import RelationGraph


class Data(Protocol):
    """What every data module has, whatever the task.

    Its loaders share out their samples over the processes themselves, and repeat none.
    """

    @property
    def name(self) -> str:
        """For reports."""

    @property
    def batch_size(self) -> int:
        """Samples in a training batch, of each split."""

    @property
    def forget_names(self) -> list[str]:
        """What is to be forgotten now, in words."""

    @property
    def forgotten_names(self) -> list[str]:
        """What earlier requests have forgotten, in words."""

    def split(self, name: str) -> Any:
        """Samples of one split: at least of those that a method trains on."""

    def content(self) -> dict[str, str]:
        """SHA-256 of what was read, by part."""

    def inventory(self) -> dict[str, Any]:
        """What was read, as JSON has it, for the report."""

    def lines(self) -> list[str]:
        """What was read, for a person, before a run begins."""

    def notes(self) -> dict[str, Any]:
        """What the file of an edited model must say of the data; ``forgotten``: everything that it has then forgotten."""

    def draw(self, folder: Any) -> None:
        """Write pictures of the request itself beside a report, where there are any."""


class LabelledImages(Protocol):
    """A labelled image set, or a part of one."""

    labels: Tensor  # (N,) int64, of the whole set
    positions: Tensor  # (M,) int64, rows of the whole set that belong to this one

    def __len__(self) -> int: ...

    def __getitem__(self, item: int) -> tuple[Any, Any, Any]:
        """One image (C, H, W) uint8, its label and its position in the whole set."""

    def subset(self, positions: Tensor) -> LabelledImages:
        """The given rows of the whole set."""

    def sha256(self) -> str:
        """Of the whole set."""


class LabelledData(Data, Protocol):
    """Labelled images, split by classes or samples to forget: what class methods, their cache and audits ask for."""

    @property
    def class_names(self) -> list[str]:
        """Names of the K classes, in the order of the head's rows."""

    @property
    def num_classes(self) -> int:
        """Number of classes K."""

    @property
    def forget_classes(self) -> list[int]:
        """Indices of the classes that must be forgotten, earlier requests' too."""

    @property
    def requested_classes(self) -> list[int]:
        """Indices of the classes that are to be forgotten now; empty where single samples are."""

    @property
    def present_classes(self) -> list[int]:
        """Indices of the classes that have pictures."""

    @property
    def natural_order(self) -> list[str] | None:
        """The names in an order by which numbers count, where the rows are in another that nobody has asked for."""

    @property
    def how_to_name(self) -> str:
        """What somebody is told who has named nothing to forget."""

    @property
    def holdout(self) -> float:
        """Part of the training split that stands for the test split."""

    @property
    def crop_padding(self) -> int:
        """Pixels of the random shift in training; 0 for none."""

    @property
    def flip(self) -> bool | str:
        """Whether, or how, training images are mirrored."""

    @property
    def mean(self) -> Sequence[float]:
        """Of each channel, of pixels in [0, 1]."""

    @property
    def std(self) -> Sequence[float]:
        """Of each channel."""

    def split(self, name: str) -> LabelledImages:
        """``train``, ``forget``, ``retain``, ``test_forget``, ``test_retain``, ``test_earlier``, or one that was added."""

    def add_split(self, name: str, images: LabelledImages) -> None:
        """Add a split of a method's own, or put another in its place."""

    def loader(self, data: LabelledImages, **kwargs: Any) -> DataLoader[Any]:
        """A loader of batches ``(images, labels, index)``, images (B, C, H, W) uint8."""

    def prepare(self, batch: tuple[Tensor, Tensor, Tensor], augment: bool) -> tuple[Tensor, Tensor, Tensor]:
        """A loader's batch, normalised and, if asked for, augmented as in training."""

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1] as the networks see them."""

    def to_pixels(self, images: Tensor) -> Tensor:
        """The inverse of :meth:`normalise`."""


class PairSet(Protocol):
    """Pictures with captions, read by the batch."""

    def __len__(self) -> int: ...

    def __getitems__(self, positions: Sequence[int]) -> tuple[Any, ...]:
        """One batch, images (B, 3, H, W) uint8 first."""


class RelationalData(Data, Protocol):
    """Pictures and captions of a relation graph: what relational methods ask for."""

    @property
    def graph(self) -> RelationGraph:
        """The relation graph."""

    @property
    def vocabulary(self) -> dict[int, list[str]]:
        """Captions without pictures, by the number of slots shared with what is forgotten; 3: near misses."""

    @property
    def measured(self) -> RelationProbes:
        """Pictures and captions to measure on."""

    def split(self, name: str) -> PairSet:
        """``unsafe``, ``edges``, ``nodes`` or ``neutral``; ``train``: what pretraining reads."""


if TYPE_CHECKING:  # our data modules fulfil their contracts, which the type checker sees here

    def _labelled(data: ImageData) -> LabelledData:
        return data

    def _relational(data: RelationData) -> RelationalData:
        return data


def lacking(data: Any, contract: type) -> list[str]:
    """Names of a contract that a data module, or a class of one, does not have; nothing is computed to find out.

    Args:
        data: The data module.
        contract: One of the Protocols here.

    Example:
        >>> lacking(type("Named", (), {"name": "x", "class_names": []}), LabelledData)[:2]
        ['num_classes', 'forget_classes']
    """
    asked = [name for part in contract.__mro__ if part not in (Protocol, object) for name in vars(part) if name[0] != "_"]
    known = set(dir(data))
    return [name for name in dict.fromkeys(asked) if name not in known]


def asked_of(data: Any, name: str) -> Any:
    """An attribute of a data module that can be used.

    Args:
        data: The data module.
        name: Of the attribute; None is returned where data of its kind have no such thing.

    Raises:
        UserError: If it fulfils the contract of no kind of task.
    """
    if all(lacking(data, contract) for contract in Data.__subclasses__()):
        raise UserError(
            f"{type(data).__name__} is a data module without {', '.join(lacking(data, LabelledData))}: derive it from "
            "oro_unlearn.data.ImageData and write load, class_names, mean and std (docs/your_own.md)"
        )
    return getattr(data, name, None)
