"""What a data module is asked to forget."""

from abc import abstractmethod
from typing import Any

from oro_unlearn.data.images.forget_request import Indices, Request, how_to_name, listed, read_indices, resolve_classes
from oro_unlearn.user_error import UserError


class ClassRequest:
    """Classes or single samples to forget, of a data module that knows its classes.

    Attributes:
        forget: Classes to forget, by name.
        forget_index: Classes to forget, by index.
        forget_indices: File with positions of training samples to forget.
        forgotten: Classes that earlier requests have forgotten, by name.
    """

    forget: Request
    forget_index: Indices
    forget_indices: str
    forgotten: Request

    @property
    @abstractmethod
    def class_names(self) -> list[str]:
        """Names of the K classes, in the order of their indices."""

    def only_one_request(self, **files: str) -> None:
        """Refuse to forget classes and single samples together, or samples of two files.

        Args:
            files: Further options that name samples, and their values.

        Raises:
            UserError: If more than one is given.
        """
        classes = "forget" if listed(self.forget) else "forget_index" if self.forget_index != [] else ""
        given = [name for name, value in {"forget_indices": self.forget_indices, **files}.items() if value]
        if len(given) + bool(classes) > 1:
            first, second = [classes, *given][:2] if classes else given[:2]
            raise UserError(f"give either --data.{first} or --data.{second}, not both: classes or single samples are forgotten")

    @property
    def requested_classes(self) -> list[int]:
        """Indices of the classes that are to be forgotten now, sorted.

        Raises:
            UserError: If one does not exist.
        """
        return resolve_classes(self.forget, self.class_names, self.forget_index)

    @property
    def earlier_classes(self) -> list[int]:
        """Indices of the classes that earlier requests have forgotten, sorted."""
        return resolve_classes(self.forgotten, self.class_names, option="forgotten")

    @property
    def forget_classes(self) -> list[int]:
        """Indices of the classes that must be forgotten, earlier requests' too, sorted; empty where there are none.

        Raises:
            UserError: If a class does not exist, or all are named.
        """
        classes = sorted({*self.requested_classes, *self.earlier_classes})
        if classes and len(classes) == len(self.class_names):
            raise UserError(
                f"all {len(classes)} classes are to be forgotten, nothing is left to keep: name fewer with --data.forget"
            )
        return classes

    @property
    def forget_names(self) -> list[str]:
        """What is forgotten, for a report: classes by name, or the file of single samples."""
        names = [self.class_names[label] for label in self.requested_classes]
        return names or ([self.samples_file] if self.samples_file else [])

    @property
    def forgotten_names(self) -> list[str]:
        """What earlier requests have forgotten, for a report."""
        return [self.class_names[label] for label in self.earlier_classes]

    def notes(self) -> dict[str, Any]:
        """What the file of an edited model must say: the order of its classes, and those that it has then forgotten."""
        now = [self.class_names[label] for label in self.requested_classes]
        forgotten = list(dict.fromkeys([*self.forgotten_names, *now]))
        return {"class_names": list(self.class_names), "forgotten": forgotten}

    @property
    def samples_file(self) -> str:
        """The file of single samples to forget; empty where classes are."""
        return self.forget_indices

    def forget_samples(self, size: int) -> list[int]:
        """Positions of the training samples to forget that a file names.

        Args:
            size: Number of training samples.
        """
        return read_indices(self.forget_indices, size)

    def sample_name(self, position: int) -> str:
        """What a training sample is called in the file of single samples."""
        return str(position)

    @property
    def how_to_name(self) -> str:
        """What somebody is told who has named nothing to forget."""
        return how_to_name(self.class_names)
