"""The identity of a run: options, code, versions, input files and data. Runs are the same if all of these are equal."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from oro_unlearn.files import sha256_of
from oro_unlearn.report.provenance import own_sources, package_sources, settings
from oro_unlearn.report.run_report import versions

SHOWN = 4  # names listed for each kind of difference


class Identity(NamedTuple):
    """Everything that the figures of a run depend on. The state of a version control system is not part of it.

    Attributes:
        options: Every option that can change a figure, by its full name.
        sources: Hash of the package's files.
        own_sources: Hashes of the user's code, by import path.
        versions: Versions of this package and of the libraries that the figures depend on, by name.
        inputs: Hashes of the files that options name, by option.
        data: Hashes of the data that the data module read, by part; empty before the data are read.
    """

    options: dict[str, Any]
    sources: str
    own_sources: dict[str, str]
    versions: dict[str, str]
    inputs: dict[str, str]
    data: dict[str, str] = {}  # noqa: RUF012 (never changed)

    @classmethod
    def of(cls, config: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> "Identity":
        """The identity of a run that starts now.

        Args:
            config: All options of the run, as plain values from YAML.
            inputs: ``path`` and ``sha256`` of the files that options name, by option.
        """
        hashes = {option: file["sha256"] for option, file in inputs.items()}
        options = json.loads(json.dumps(settings(config), default=str))  # the same types as when read from a checkpoint
        return cls(options, package_sources(), own_sources(config), versions(), hashes)

    @classmethod
    def read(cls, text: Any) -> "Identity | None":
        """Parse the identity in a checkpoint; None if it is missing or has an unknown format."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError):
            return None

    def written(self) -> str:
        """The identity as text for a checkpoint."""
        return json.dumps(self._asdict(), sort_keys=True)

    @property
    def mark(self) -> str:
        """Hash of the whole identity, in hexadecimal."""
        return sha256_of([self.written()])

    def other_options(self, now: "Identity") -> list[str]:
        """Names of options whose values differ. Options that only one of the two identities has are left out."""
        return sorted(name for name in self.options.keys() & now.options.keys() if self.options[name] != now.options[name])

    def differences(self, now: "Identity") -> list[str]:
        """Readable names of everything that differs.

        Args:
            now: The run that would continue. If its data are not read yet, the data are not compared.
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
