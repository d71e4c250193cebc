"""The classes or samples that a data module is asked to forget."""

from abc import abstractmethod
from typing import Any

from oro_unlearn.data.images.forget_request import Indices, Request, how_to_name, listed, read_indices, resolve_classes
from oro_unlearn.user_error import UserError


class ClassRequest:
    """Part of a data module with named classes: the classes or single samples to forget.

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
        """Reject a request for classes and single samples together, or for samples from two files.

        Args:
            files: Further options that name samples, and their values.

        Raises:
            UserError: If more than one of these is given.
        """
        classes = "forget" if listed(self.forget) else "forget_index" if self.forget_index != [] else ""
        given = [name for name, value in {"forget_indices": self.forget_indices, **files}.items() if value]
        if len(given) + bool(classes) > 1:
            first, second = [classes, *given][:2] if classes else given[:2]
            raise UserError(f"give either --data.{first} or --data.{second}, not both: classes or single samples are forgotten")

    @property
    def requested_classes(self) -> list[int]:
        """Sorted indices of the classes that the current request forgets.

        Raises:
            UserError: If a class does not exist.
        """
        return resolve_classes(self.forget, self.class_names, self.forget_index)

    @property
    def earlier_classes(self) -> list[int]:
        """Sorted indices of the classes that earlier requests have forgotten."""
        return resolve_classes(self.forgotten, self.class_names, option="forgotten")

    @property
    def forget_classes(self) -> list[int]:
        """Sorted indices of all classes that must be forgotten, including those of earlier requests; empty if there are none.

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
        """Names of what the current request forgets, for a report: classes, or the file of single samples."""
        names = [self.class_names[label] for label in self.requested_classes]
        return names or ([self.samples_file] if self.samples_file else [])

    @property
    def forgotten_names(self) -> list[str]:
        """Names of the classes that earlier requests have forgotten, for a report."""
        return [self.class_names[label] for label in self.earlier_classes]

    def notes(self) -> dict[str, Any]:
        """Metadata for the file of an edited model: its classes in order, and all classes forgotten after the edit."""
        now = [self.class_names[label] for label in self.requested_classes]
        forgotten = list(dict.fromkeys([*self.forgotten_names, *now]))
        return {"class_names": list(self.class_names), "forgotten": forgotten}

    @property
    def samples_file(self) -> str:
        """The file of single samples to forget; empty if the request names classes."""
        return self.forget_indices

    def forget_samples(self, size: int) -> list[int]:
        """Positions of the training samples to forget, from the file that names them.

        Args:
            size: Number of training samples.
        """
        return read_indices(self.forget_indices, size)

    def sample_name(self, position: int) -> str:
        """Name of a training sample in the file of single samples."""
        return str(position)

    @property
    def how_to_name(self) -> str:
        """Message for a user who has named nothing to forget."""
        return how_to_name(self.class_names)
