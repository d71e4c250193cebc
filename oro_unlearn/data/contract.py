"""Protocols of the data that methods and the command line may use, by kind of task.

At run time, this module imports only ``user_error`` from the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

    from oro_unlearn.data.graphs.graph_data_module import GraphDataModule
    from oro_unlearn.data.images.image_data import ImageData
    from oro_unlearn.data.personas.persona_questions import PersonaQuestions
    from oro_unlearn.data.relations.relation_data import RelationData
    from oro_unlearn.data.relations.relation_probes import RelationProbes
    from oro_unlearn.graph import RelationGraph, Triple
    from oro_unlearn.networks import Question


class Data(Protocol):
    """Members that every data module has, for all kinds of task.

    The data module's loaders divide the samples among the processes themselves, and repeat none.
    """

    @property
    def name(self) -> str:
        """Name of the data, for reports."""

    @property
    def batch_size(self) -> int:
        """Samples of each split in a training batch."""

    @property
    def forget_names(self) -> list[str]:
        """Names of what the current request forgets."""

    @property
    def forgotten_names(self) -> list[str]:
        """Names of what earlier requests have forgotten."""

    def split(self, name: str) -> Any:
        """Samples of one split. Every split that a method trains on must be available."""

    def content(self) -> dict[str, str]:
        """SHA-256 of the data that was read, by part."""

    def inventory(self) -> dict[str, Any]:
        """Summary of the data that was read, as JSON-serialisable values for the report."""

    def lines(self) -> list[str]:
        """Summary of the data that was read, as lines of text that are printed before a run begins."""

    def notes(self) -> dict[str, Any]:
        """Metadata for the file of an edited model; ``forgotten`` names all that is forgotten after the edit."""

    def draw(self, folder: Any) -> None:
        """Write pictures of the request, if there are any, into the folder of a report."""


class LabelledImages(Protocol):
    """A labelled image set, or a part of one."""

    labels: Tensor  # (N,) int64, of the whole set
    positions: Tensor  # (M,) int64, rows of the whole set that belong to this one

    def __len__(self) -> int: ...

    def __getitem__(self, item: int) -> tuple[Any, Any, Any]:
        """One image (C, H, W) uint8, its label and its position in the whole set."""

    def subset(self, positions: Tensor) -> LabelledImages:
        """A set with the given rows of the whole set."""

    def sha256(self) -> str:
        """SHA-256 of the whole set."""


class LabelledData(Data, Protocol):
    """Labelled images, split by classes or samples to forget. Class methods, their cache and audits use this contract."""

    @property
    def class_names(self) -> list[str]:
        """Names of the K classes, in the order of the head's rows."""

    @property
    def num_classes(self) -> int:
        """Number of classes K."""

    @property
    def forget_classes(self) -> list[int]:
        """Indices of all classes that must be forgotten, including those of earlier requests."""

    @property
    def requested_classes(self) -> list[int]:
        """Indices of the classes that the current request forgets; empty if it forgets single samples."""

    @property
    def present_classes(self) -> list[int]:
        """Indices of the classes that have pictures."""

    @property
    def natural_order(self) -> list[str] | None:
        """Names sorted with numbers by value; None if the rows have this order, or if the user chose their order."""

    @property
    def how_to_name(self) -> str:
        """Message for a user who has named nothing to forget."""

    @property
    def holdout(self) -> float:
        """Fraction of the training split that is used instead of the test split."""

    @property
    def crop_padding(self) -> int:
        """Largest random shift in training, in pixels; 0 for none."""

    @property
    def flip(self) -> bool | str:
        """Whether and how training images are mirrored."""

    @property
    def mean(self) -> Sequence[float]:
        """Mean of each channel, for pixels in [0, 1]."""

    @property
    def std(self) -> Sequence[float]:
        """Standard deviation of each channel, for pixels in [0, 1]."""

    def split(self, name: str) -> LabelledImages:
        """``train``, ``forget``, ``retain``, ``test_forget``, ``test_retain``, ``test_earlier``, or an added split."""

    def add_split(self, name: str, images: LabelledImages) -> None:
        """Add a split for a method, or replace a split that was added before."""

    def loader(self, data: LabelledImages, **kwargs: Any) -> DataLoader[Any]:
        """A loader of batches ``(images, labels, index)``, images (B, C, H, W) uint8."""

    def prepare(self, batch: tuple[Tensor, Tensor, Tensor], augment: bool) -> tuple[Tensor, Tensor, Tensor]:
        """A loader's batch, normalised and, if ``augment`` is set, augmented as in training."""

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in [0, 1], normalised for the networks."""

    def to_pixels(self, images: Tensor) -> Tensor:
        """The inverse of :meth:`normalise`."""


class PairSet(Protocol):
    """Pictures with captions, read batch by batch."""

    captions: list[str]
    attacks: list[str]
    slots: Tensor  # (N, 3) int64: subject, relation and object by position in the graph, -1 for none

    def __len__(self) -> int: ...

    def __getitems__(self, positions: Sequence[int]) -> tuple[Any, ...]:
        """One batch; its first item is the images, (B, 3, H, W) uint8."""


class RelationalData(Data, Protocol):
    """Pictures and captions of a relation graph. Relational methods use this contract."""

    @property
    def graph(self) -> RelationGraph:
        """The relation graph."""

    @property
    def vocabulary(self) -> dict[int, list[str]]:
        """Captions without pictures, by the number of slots shared with the tuples to forget; key 3 holds near misses."""

    def forget_captions(self, samples: int) -> list[dict[Triple, list[str]]]:
        """Captions of the tuples to forget in the training bank's words, for each request by tuple."""

    def earlier_captions(self, samples: int) -> list[str]:
        """Captions of the tuples that earlier requests have forgotten, in the training bank's words."""

    def slots(self, concepts: Sequence[Any]) -> Tensor:
        """Positions of subject, relation and object in the graph, (N, 3) int64; -1 for a missing slot."""

    @property
    def measured(self) -> RelationProbes:
        """Pictures and captions to measure on."""

    @property
    def caption_benchmarks(self) -> Sequence[Any]:
        """Further benchmarks of pictures and captions to measure on."""

    def split(self, name: str) -> PairSet:
        """``unsafe``, ``edges``, ``nodes`` or ``neutral``; or ``train``, which pretraining reads."""


class GraphData(Data, Protocol):
    """Nodes or edges of one graph, or many graphs, in the splits ``train``, ``val`` and ``test``. Graph networks use this.

    A batch is ``(features, edges, graph, pairs, labels, index)``, see :class:`oro_unlearn.methods.graphs.Graphs`.
    """

    task: Literal["node", "edge", "graph"]

    @property
    def num_features(self) -> int:
        """Number of features of a node F."""

    @property
    def num_classes(self) -> int:
        """Number of classes K; 2 for edges."""

    @property
    def largest_degree(self) -> int:
        """Largest number of edges of a node."""

    def batches(self, name: str) -> Iterator[tuple[Tensor, ...]]:
        """The batches of a split, in order."""


class QuestionSet(Protocol):
    """Questions, about people or not. Their pictures are read or drawn on access."""

    people: list[str]  # the person of each question; empty for nobody
    questions: list[Question]  # without their pictures
    pictures: list[Any]  # for each question what stands for its picture; None for a text-only question

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> Question:
        """One question with its picture, RGB; without a picture if it is a text-only question."""

    def __getitems__(self, positions: Sequence[int]) -> list[tuple[int, Question]]:
        """Several questions, each with its position in this set."""

    def with_picture(self, wanted: bool) -> QuestionSet:
        """The set of the questions with a picture, or of those without."""

    def subset(self, positions: Sequence[int]) -> QuestionSet:
        """A set of the questions at some positions of this set, numbered anew from 0."""


class PersonaData(Data, Protocol):
    """Questions about people, with pictures and without. Methods that forget people use this contract."""

    @property
    def persons(self) -> list[str]:
        """Names of all people who can be forgotten."""

    @property
    def aliases(self) -> dict[str, list[str]]:
        """Other names of each person: nickname, initials, surname alone."""

    @property
    def refusals(self) -> list[str]:
        """Sentences of refusal, for methods that teach the model to refuse."""

    @property
    def measured(self) -> Mapping[str, QuestionSet]:
        """Sets to measure on, by ``{forget,retain,holdout,general}/{multimodal,text}``; a set without questions is left out."""

    def split(self, name: str) -> QuestionSet:
        """Training questions: ``forget``, ``retain`` or ``train`` (both); of the embedded world also ``pretraining``."""


if TYPE_CHECKING:  # here the type checker verifies that our data modules fulfil their contracts

    def _labelled(data: ImageData) -> LabelledData:
        return data

    def _relational(data: RelationData) -> RelationalData:
        return data

    def _graphs(data: GraphDataModule) -> GraphData:
        return data

    def _persona(data: PersonaQuestions) -> PersonaData:
        return data


def lacking(data: Any, contract: type) -> list[str]:
    """Names of a contract's members that a data module, or its class, lacks. No property is evaluated.

    Args:
        data: The data module.
        contract: One of the Protocols here.

    Example:
        >>> lacking(type("Named", (), {"name": "x", "class_names": []}), LabelledData)[:2]
        ['num_classes', 'forget_classes']
    """
    members = [name for part in contract.__mro__ if part not in (Protocol, object) for name in vars(part) if name[0] != "_"]
    known = set(dir(data))
    return [name for name in dict.fromkeys(members) if name not in known]


def asked_of(data: Any, name: str) -> Any:
    """An attribute of a data module, once the module is known to fulfil a contract.

    Args:
        data: The data module.
        name: Name of the attribute.

    Returns:
        The attribute; None if this kind of data does not have it.

    Raises:
        UserError: If the data module fulfils the contract of no kind of task.
    """
    if all(lacking(data, contract) for contract in Data.__subclasses__()):
        raise UserError(
            f"{type(data).__name__} is a data module without {', '.join(lacking(data, LabelledData))}: derive it from "
            "oro_unlearn.data.ImageData and write load, class_names, mean and std (docs/your_own.md)"
        )
    return getattr(data, name, None)
