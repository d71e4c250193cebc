"""Base class of the data modules with questions about people."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from unicodedata import normalize

from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import DataLoader

from oro_unlearn.data.batches import EpochBatches, from_batches, same_length
from oro_unlearn.data.images.image_data import as_is
from oro_unlearn.data.personas.contact_sheet import contact_sheet
from oro_unlearn.data.personas.persona_inventory import persona_inventory, persona_lines
from oro_unlearn.data.personas.questions import MeasuredQuestions, Questions
from oro_unlearn.data.personas.wordings import REFUSALS
from oro_unlearn.files import replacing, sha256_of, shortened
from oro_unlearn.graph.wording import closest
from oro_unlearn.user_error import UserError

GROUPS = ("forget", "retain", "holdout", "general")
MODALITIES = ("multimodal", "text")
TRAINING = ("forget", "retain", "train")
SHEET_PEOPLE, SHEET_PICTURES = 12, 4  # most people, and pictures of each, on the contact sheet


class PersonaQuestions(LightningDataModule, ABC):
    """Questions about people, with pictures and without, split by a request to forget some of the people.

    Training splits are ``forget``, ``retain`` and ``train`` (both). A batch of a split is what the method's ``collate(split)``
    makes of a list of (position in the split, question). Questions of people whom earlier requests have forgotten are in no
    split. Measured sets are named ``{group}/{modality}``: ``forget``, ``retain``, ``holdout`` (people in no request) and
    ``general`` (nobody); ``multimodal`` questions have a picture, ``text`` questions have none. The inventory counts those that
    are also trained on.

    A subclass defines :attr:`persons`, :meth:`training`, :meth:`measuring` and :meth:`content`.

    Args:
        forget: Names of the people to forget.
        forget_percent: Forget this percentage of the people, drawn by ``seed``. It is not used if ``forget`` names people.
        forgotten: Names of the people whom earlier requests have forgotten.
        batch_size: Questions of each training split in a batch, over all processes together.
        eval_batch_size: Questions in a batch for measuring.
        eval_questions: Most questions of each measured set, drawn by ``seed``; 0 for all.
        seed: Seed of every choice in the data; not the seed of training.
        num_workers: Processes that read pictures; 0 for none.

    Raises:
        UserError: If an option is out of range.
    """

    name: str

    def __init__(
        self,
        forget: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        forget_percent: int = 0,
        forgotten: list[str] = [],  # noqa: B006 (never changed)
        batch_size: int = 32,
        eval_batch_size: int = 64,
        eval_questions: int = 0,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        if min(batch_size, eval_batch_size) < 1:
            raise UserError("--data.batch_size and eval_batch_size are numbers of questions, at least 1")
        if min(eval_questions, seed, num_workers) < 0:
            raise UserError("--data.eval_questions, seed and num_workers are 0 or more")
        if not 0 <= forget_percent < 100:
            raise UserError(f"--data.forget_percent is a percentage of the people in (0, 100), or 0, not {forget_percent}")
        self.forget, self.forgotten = list(forget), list(forgotten)
        self.forget_percent = 0 if forget else forget_percent  # names take the place of a preset's percentage
        self.batch_size, self.eval_batch_size, self.eval_questions = batch_size, eval_batch_size, eval_questions
        self.seed, self.num_workers = seed, num_workers
        self.allow_zero_length_dataloader_with_multiple_devices = True  # a process may get no question of a small set
        self._splits: dict[str, Questions] = {}

    @property
    @abstractmethod
    def persons(self) -> list[str]:
        """Names of all people who can be forgotten."""

    @abstractmethod
    def training(self) -> Questions:
        """Training questions about all people."""

    @abstractmethod
    def measuring(self, group: str) -> Questions:
        """Questions to measure on: ``people`` (all who can be forgotten), ``holdout`` or ``general``."""

    @abstractmethod
    def content(self) -> dict[str, str]:
        """SHA-256 of the data that was read, by part."""

    @cached_property
    def forget_names(self) -> list[str]:
        """The people to forget now, in the order of :attr:`persons`.

        Raises:
            UserError: If a name is unknown, if it is also in ``forgotten``, or if everybody is to be forgotten.
        """
        earlier = self.forgotten_names
        named = set(self.percent_people() if self.forget_percent else self._known(self.forget, "forget"))
        twice = sorted(named & set(earlier))
        if twice:
            raise UserError(f"--data.forget and --data.forgotten both name {shortened(twice[0])!r}: name each person once")
        if named and len(named) + len(earlier) >= len(self.persons):
            raise UserError(f"all {len(self.persons)} people are to be forgotten, nobody is left to keep: name fewer")
        return [name for name in self.persons if name in named]

    def percent_people(self) -> list[str]:
        """The people of ``forget_percent``, none of whom was forgotten before."""
        pool = [name for name in self.persons if name not in self.forgotten_names]
        count = max(1, round(len(self.persons) * self.forget_percent / 100))
        return random.Random(f"{self.seed} forget").sample(pool, min(count, len(pool)))

    @cached_property
    def forgotten_names(self) -> list[str]:
        """The people whom earlier requests have forgotten."""
        return self._known(self.forgotten, "forgotten")

    def _known(self, names: Iterable[str], option: str) -> list[str]:
        known = {normalize("NFC", name): name for name in self.persons}
        found: dict[str, None] = {}
        for name in names:
            if normalize("NFC", name) not in known:
                raise UserError(f"--data.{option}: unknown person {shortened(name)!r}: {closest(name, self.persons)}")
            found[known[normalize("NFC", name)]] = None
        return list(found)

    @property
    def how_to_name(self) -> str:
        """Message for a user who has named nobody to forget."""
        return f"name people with --data.forget, such as {self.persons[0]!r}, or set --data.forget_percent"

    @property
    def aliases(self) -> dict[str, list[str]]:
        """Other names of each person, made from the name: initials with surname, and surname alone."""
        return {name: _other_names(name) for name in self.persons}

    @property
    def refusals(self) -> list[str]:
        """Sentences of refusal, for methods that teach the model to refuse."""
        return list(REFUSALS)

    def split(self, name: str) -> Questions:
        """Training questions of one split: ``forget``, ``retain`` or ``train``.

        Raises:
            UserError: If the data have no such split.
        """
        if name not in self._splits:
            self._splits[name] = self.make_split(name)
        return self._splits[name]

    def make_split(self, name: str) -> Questions:
        """Make one split; see :meth:`split`."""
        if name not in TRAINING:
            raise UserError(f"--data {type(self).__name__} has no split {name!r}: it has {', '.join(TRAINING)}")
        gone, earlier = set(self.forget_names), set(self.forgotten_names)
        if name == "forget":
            return self.training().where(lambda question: question.person in gone)
        left_out = gone | earlier if name == "retain" else earlier
        return self.training().where(lambda question: question.person not in left_out)

    @cached_property
    def measured(self) -> dict[str, Questions]:
        """The sets to measure on that are not empty, by ``{group}/{modality}``."""
        gone, other = set(self.forget_names), {*self.forget_names, *self.forgotten_names}
        people = self.measuring("people")
        groups = {
            "forget": people.where(lambda question: question.person in gone),
            "retain": people.where(lambda question: question.person not in other),
            **{group: self.measuring(group) for group in GROUPS[2:]},
        }
        sets = {
            f"{group}/{modality}": self._some(groups[group].with_picture(modality == "multimodal"), f"{group}/{modality}")
            for group in GROUPS
            for modality in MODALITIES
        }
        return {name: part for name, part in sets.items() if len(part)}

    def _some(self, part: Questions, name: str) -> Questions:
        if not self.eval_questions or len(part) <= self.eval_questions:
            return part
        return part.subset(sorted(random.Random(f"{self.seed} {name}").sample(range(len(part)), self.eval_questions)))

    def inventory(self) -> dict[str, Any]:
        """Summary of the data that was read, as JSON-serialisable values."""
        return persona_inventory(self)

    def lines(self) -> list[str]:
        """The summary of the data as lines of text."""
        return persona_lines(self.inventory())

    def notes(self) -> dict[str, Any]:
        """Metadata for the file of an edited model: all people forgotten after the edit."""
        return {"forgotten": list(dict.fromkeys([*self.forgotten_names, *self.forget_names]))}

    def draw(self, folder: Path) -> None:
        """Write ``people.png``: pictures of people to forget in red frames, and of others. Nothing if there are no pictures."""
        shown = self.split("train").with_picture(True)
        others = [name for name in self.persons if name not in {*self.forget_names, *self.forgotten_names}]
        names = [*self.forget_names[: SHEET_PEOPLE // 2], *others][:SHEET_PEOPLE]
        rows = [(name in self.forget_names, _pictures_of(shown, name)) for name in names]
        if any(pictures for _, pictures in rows):
            with replacing(folder / "people.png") as partial:
                contact_sheet(rows).save(partial, format="PNG")

    def setup(self, stage: str) -> None:
        """Read the questions before the network is loaded, so that mistakes are found before training."""
        if not self.measured:
            raise UserError(
                f"--data {type(self).__name__} has no question to measure on: add some, such as rows with split test"
            )

    def train_dataloader(self) -> CombinedLoader:
        """One loader of :class:`EpochBatches` for each split the method trains on. Every process gets its share of a batch.

        Raises:
            UserError: If a split is empty or has fewer questions than processes, or if a batch cannot be shared.
        """
        assert self.trainer is not None
        method: Any = self.trainer.lightning_module
        share = (self.trainer.global_rank, self.trainer.world_size)
        batches: dict[str, EpochBatches] = {}
        for number, name in enumerate(method.train_splits):
            size = len(self.split(name))
            if not size:
                raise UserError(f"the {name} set is empty: {self.how_to_name}")
            batches[name] = EpochBatches(size, self.batch_size, number, self.trainer, share)
            if not batches[name].in_a_pass:
                raise UserError(f"the {name} set has {size} questions, fewer than processes: use fewer devices")
        same_length(batches, method.loader_mode)
        loaders = {
            name: DataLoader(
                self.split(name), collate_fn=method.collate(name), num_workers=self.num_workers, **from_batches(sampler)
            )
            for name, sampler in batches.items()
        }
        return CombinedLoader(loaders, method.loader_mode)

    def test_dataloader(self) -> DataLoader[Any]:
        """All sets to measure on in one loader, divided among the processes; no question is repeated.

        A batch is a list of (number of the set in :attr:`measured`, position in the set, question).
        """
        assert self.trainer is not None
        data = MeasuredQuestions(list(self.measured.values()))
        positions = range(self.trainer.global_rank, len(data), self.trainer.world_size)
        return DataLoader(
            data, self.eval_batch_size, sampler=positions, collate_fn=as_is, num_workers=self.num_workers
        )  # fmt: skip


def digest(parts: Sequence[Questions]) -> str:
    """SHA-256 of the texts of several sets of questions."""
    return sha256_of(repr(question) for part in parts for question in part.questions)


def _pictures_of(shown: Questions, name: str) -> list[Any]:
    """A few different pictures of a person."""
    keys = dict.fromkeys(key for key, person in zip(shown.pictures, shown.people, strict=True) if person == name)
    return [shown.load(key) for key in list(keys)[:SHEET_PICTURES]]


def _other_names(name: str) -> list[str]:
    """Initials with surname, initials alone and surname alone; nothing for a name of one word.

    Example:
        >>> _other_names("Anna Maria Berg")
        ['A. M. Berg', 'A. M. B.', 'Berg']
    """
    *first, surname = name.split() or [""]
    if not first:
        return []
    initials = " ".join(f"{part[0]}." for part in first)
    return [f"{initials} {surname}", f"{initials} {surname[0]}.", surname]
