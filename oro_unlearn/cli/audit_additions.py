"""What ``oro-unlearn audit`` adds on request: the test beside verification models, and a bound on epsilon."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.audit import Figures, Lines, Model

DELTA = 1e-5


class Judged(NamedTuple):
    """The models of an audit of classifiers."""

    models: "Mapping[str, Model]"  # scores by file
    figures: "Mapping[str, Figures]"  # figures by file
    forgotten: Sequence[int]  # indices of the forgotten classes
    retrained: Sequence[str]  # files of retrained models
    verification: Mapping[float, Sequence[str]]  # files of verification models by share; empty without --verify


def check_delta(options: argparse.Namespace, relation: bool) -> None:
    """Check the options ``--epsilon`` and ``--delta``, and fill in the default of ``--delta``.

    Args:
        options: Options of the command line.
        relation: Whether the data are pictures of relations.

    Raises:
        UserError: If the options do not fit each other or the data.
    """
    if options.epsilon and relation:
        raise UserError("audit: --epsilon judges the outputs of classifiers: leave it out for relations")
    if options.delta is not None and not options.epsilon:
        raise UserError("audit: --delta belongs to --epsilon: give both, or none")
    options.delta = DELTA if options.delta is None else options.delta
    if not 0 <= options.delta < 1:
        raise UserError(f"audit: --delta is a probability in [0, 1), not {options.delta}")


def additions(options: argparse.Namespace, judged: Judged, verdict: "Lines") -> tuple[list[str], dict[str, Any]]:
    """Judge what was asked for in addition.

    Args:
        options: Options of the command line.
        judged: The models.
        verdict: The four lines. With verification models the line ``recovery`` is replaced.

    Returns:
        Lines of text, and entries for ``audit.json``.
    """
    lines: list[str] = []
    content: dict[str, Any] = {}
    if judged.verification:
        line, content["verification"] = _verified(options.edited, judged, verdict)
        lines.append(line)
    if options.epsilon:
        line, content["epsilon"] = _leaked(options, judged)
        lines.append(line)
    return lines, content


def _verified(edited: str, judged: Judged, verdict: "Lines") -> tuple[str, dict[str, Any]]:
    """Test for residue beside the verification models."""
    from oro_unlearn.audit import residue, verification_json, verification_words, verified_recovery

    own = judged.models[edited]
    groups = {share: {file: judged.figures[file] for file in files} for share, files in judged.verification.items()}
    beside = {share: list(models.values()) for share, models in groups.items()}
    result = residue(judged.figures[edited], beside, len(own["test_forget"].labels), len(own["test_retain"].labels))
    verdict["recovery"] = verified_recovery(verdict["recovery"], result)
    counts = {share: len(models) for share, models in groups.items()}
    return verification_words(result, counts), verification_json(result, groups)


def _leaked(options: argparse.Namespace, judged: Judged) -> tuple[str, dict[str, Any]]:
    """Bound epsilon for the edited model, the original and the retrained models."""
    from oro_unlearn.audit import leakage, leakage_words
    from oro_unlearn.audit.leakage import NEVER

    files = [options.edited, *([options.original] if options.original else []), *judged.retrained]
    bounds = {}
    for file in files:
        references = [judged.models[other] for other in judged.retrained if other != file]
        bounds[file] = leakage(judged.models[file], references, judged.forgotten, options.delta)
    words = leakage_words(bounds[options.edited], bounds.get(options.original), [bounds[file] for file in judged.retrained])
    return words, {"meaning": NEVER, "models": {file: bound._asdict() for file, bound in bounds.items()}}
