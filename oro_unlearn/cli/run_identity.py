"""What makes a run the same run: options, code, versions, input files and data."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from oro_unlearn.files import sha256_of
from oro_unlearn.report.provenance import own_sources, package_sources, settings
from oro_unlearn.report.run_report import versions

SHOWN = 4  # names that a line lists of a kind


class Identity(NamedTuple):
    """What decides the figures of a run; nothing in it depends on a version control of the user's.

    Attributes:
        options: Every option that can change a figure, by its full name.
        sources: Hash of the package's files.
        own_sources: Hashes of the user's code, by import path.
        versions: Of this package and those that decide the figures, by name.
        inputs: Hashes of the files that options name, by option.
        data: Hashes of what the data module read, by part; empty before the data are read.
    """

    options: dict[str, Any]
    sources: str
    own_sources: dict[str, str]
    versions: dict[str, str]
    inputs: dict[str, str]
    data: dict[str, str] = {}  # noqa: RUF012 (never changed)

    @classmethod
    def of(cls, config: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> "Identity":
        """Of a run that begins here and now.

        Args:
            config: Everything the run was asked for, as YAML has it.
            inputs: ``path`` and ``sha256`` of the files it names, by option.
        """
        hashes = {option: found["sha256"] for option, found in inputs.items()}
        options = json.loads(json.dumps(settings(config), default=str))  # as a checkpoint gives it back
        return cls(options, package_sources(), own_sources(config), versions(), hashes)

    @classmethod
    def read(cls, text: Any) -> "Identity | None":
        """From a checkpoint; None if it has none, or of another make."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError):
            return None

    def written(self) -> str:
        """For a checkpoint."""
        return json.dumps(self._asdict(), sort_keys=True)

    @property
    def mark(self) -> str:
        """Hash of all of it, in hexadecimal."""
        return sha256_of([self.written()])

    def other_options(self, now: "Identity") -> list[str]:
        """Options that have another value now; not those that only one of the two versions knows."""
        return sorted(name for name in self.options.keys() & now.options.keys() if self.options[name] != now.options[name])

    def differences(self, now: "Identity") -> list[str]:
        """Names of what differs, for a person.

        Args:
            now: The run that would go on. Where its data are not read yet, nothing is said of data.
        """
        pairs = {
            "option": (self.options, now.options),
            "the sources of": (
                {"oro_unlearn": self.sources} | self.own_sources,
                {"oro_unlearn": now.sources} | now.own_sources,
            ),
            "the version of": (self.versions, now.versions),
            "the content of": (self.inputs, now.inputs),
            "the data of": (self.data, now.data or self.data),
        }
        return [line for what, (before, after) in pairs.items() for line in _named(what, before, after)]


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    missing = object()
    names = sorted(name for name in {*before, *after} if before.get(name, missing) != after.get(name, missing))
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [f"{what} {name}" for name in names[:SHOWN]] + more
