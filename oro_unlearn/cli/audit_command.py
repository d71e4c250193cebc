"""``oro-unlearn audit``: measure what an edited model still knows, compared with the original and retrained models."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.cli.audit_additions import Judged, additions, check_delta
from oro_unlearn.cli.audit_criteria import Limits, limits_of
from oro_unlearn.cli.audit_files import Audited, Request, roles_of, write_class_audit
from oro_unlearn.cli.audit_models import Task, hash_of, scored_models
from oro_unlearn.cli.audit_relation import EDITED, Files, audit_relation
from oro_unlearn.cli.command_words import CONFIG, chosen, with_presets
from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.cli.verification_models import check_verify
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

ABOUT = """\
Audit an edited model, whichever tool edited it. Its figures are compared with those of the original and of models retrained
without the forgotten data. A classifier is read from its weights or its saved outputs, a CLIP model from its weights or its
adapter."""
LEVEL = (
    "what is measured. outputs: the outputs alone; features: also probes and relearning; all: relearning from more seeds, and "
    "longer; default: features"
)
CRITERIA = "limits: a YAML file, or strict, outputs, clip or graph; exit code 0: all met, 1: one not met, 3: one not decided"
VERIFY = (
    "experimental: without retrained models, train N models on 15 % and N on 40 % of the retained images, and test whether the "
    "edited model knows more of the classes than they do; N is 3 or more"
)
EPSILON = "lower bound on epsilon: how surely the outputs tell forgotten training images from others; never a certificate"
QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_progress_bar", "false"]
CAPTION = "Retrained: the mean. In range: inside the 95 % interval for one more retrained model; 'same' if all of these agree."
CAUSES = "check class order (--data.class_names), image size, normalisation and the file itself, or continue with --force"


Found = dict[str, dict[str, float]]  # figures by file


def parser() -> PlainParser:
    """Options of ``audit``, without those of data and network."""
    more = "All other options are those of fit: --config PRESET, --data.*, --model.network. With .npz files none is needed."
    result = PlainParser("audit", description=ABOUT, epilog=more)
    result.add_argument("--edited", required=True, metavar="FILE", help="weights of the edited model, or its outputs (.npz)")
    result.add_argument("--original", metavar="FILE", help="weights or outputs of the model before the edit")
    result.add_argument("--retrained", default="[]", metavar='"[A, B]"', help="models trained without the forgotten classes")
    result.add_argument("--level", choices=("outputs", "features", "all"), default="features", help=LEVEL)
    result.add_argument("--verify", type=int, metavar="N", help=VERIFY)
    result.add_argument("--epsilon", action="store_true", help=EPSILON)
    result.add_argument("--delta", type=float, metavar="D", help="the delta of --epsilon; default: 1e-5")
    result.add_argument("--output", type=Path, default=Path("runs/audit"), metavar="FOLDER", help="default: runs/audit")
    result.add_argument("--criteria", metavar="NAME", help=CRITERIA)
    result.add_argument("--junit", type=Path, metavar="FILE", help="what became of the criteria, as JUnit XML")
    result.add_argument("--force", action="store_true", help="continue although an original or retrained model fails its check")
    return result


def main(words: Sequence[str]) -> None:
    """Audit the models, print the result, and write ``audit.json``.

    Args:
        words: The words after ``audit``.

    Raises:
        UserError: If files, options or data do not fit, or a model fails its check: an original must know the forgotten
            classes, a retrained model must not.
        SystemExit: With criteria: code 1 if one is not met; code 3 if none is unmet and one is not decided.
    """
    from oro_unlearn.audit import CLASS_FIGURES
    from oro_unlearn.audit.relation_verdict import relation_figures

    options, others = parser().parse_known_args(words)
    retrained = _listed(options.retrained)
    files = [options.edited, *([options.original] if options.original else []), *retrained]
    if len(set(files)) < len(files):
        raise UserError("audit: one file is given twice: give each model once")
    outputs = [Path(file).suffix == ".npz" for file in files]
    if any(outputs) and not all(outputs):
        raise UserError("audit: give outputs (.npz) of all models, or weights of all")
    relation = not all(outputs) and _is_relational(others)
    check_verify(options.verify, options.level, retrained, all(outputs), relation)
    check_delta(options, relation)
    if all(outputs):
        if others:
            raise UserError(f"audit: outputs (.npz) need no data and no network: leave out {others[0]}")
        limits = limits_of(options.criteria, options.junit, CLASS_FIGURES)
        models, request = _from_outputs(files)
    elif relation:
        own = Files(options.edited, options.original or "", retrained)
        limits = limits_of(options.criteria, options.junit, relation_figures())
        hashes = {file: hash_of(file) for file in files}
        return audit_relation(own, _words(others, EDITED), hashes, options.output, options.level, limits)
    else:
        limits = limits_of(options.criteria, options.junit, CLASS_FIGURES)
        models, request = _from_weights(files, others, options)
    _report(options, retrained, models, request, limits)


def _listed(text: str) -> list[str]:
    """The files that ``--retrained`` names."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(file, str) for file in value):
        raise UserError(
            f'audit: --retrained takes a list of files, such as "[a.safetensors, b.safetensors]", not {shortened(text)}'
        )
    return value


def _from_outputs(files: Sequence[str]) -> tuple[dict[str, Audited], Request]:
    """Models whose outputs were saved by another program. Each class is named by its index."""
    from oro_unlearn.audit import check_same_images, read_outputs

    models = {file: read_outputs(file) for file in files}
    check_same_images(models)
    forgotten = models[files[0]]["forget"].labels.unique().tolist()
    request = Request(forgotten, [str(label) for label in forgotten], "outputs")
    return {file: Audited(model, {}, hash_of(file)) for file, model in models.items()}, request


def _from_weights(files: Sequence[str], others: Sequence[str], options: Any) -> tuple[dict[str, Audited], Request]:
    """Models that are run here, one after the other, and verification models. What is finished is not run again."""
    from oro_unlearn.cli import build
    from oro_unlearn.cli.verification_models import verification_models

    cli = build(_words(others, "Training"))
    data: Any = cli.datamodule
    data.prepare_data()
    if not data.forget_classes:
        raise UserError(f"audit: no class to forget is named: {data.how_to_name}")
    cli.run_folder.learn(data.content())
    task = Task(options.output, options.level, cli.model.attacks, options.original or "")
    models, verification = scored_models(cli, files, task), {}
    if options.verify:
        mark, folder = cli.run_folder.identity.mark, options.output / "verification"
        verification = verification_models(others, mark, folder, options.verify, len(data.split("retain")))
        trained = [file for own in verification.values() for file in own]
        models |= scored_models(cli, trained, task._replace(attacks="none"))  # they are no ideal
    classes, forgotten = list(data.class_names), list(data.forget_classes)
    about = (classes, data.name, type(cli.model.network).__name__, task.attacks, verification)
    return models, Request(forgotten, [classes[label] for label in forgotten], options.level, *about)


def _is_relational(others: Sequence[str]) -> bool:
    """Whether the data are pictures of relations."""
    from oro_unlearn import data as data_sets
    from oro_unlearn.data.relations.relation_data import RelationData

    name = chosen(["fit", *with_presets(others)]).get("data", "").rpartition(".")[2]
    kind = getattr(data_sets, name, None)
    return kind is not None and issubclass(kind, RelationData)


def _words(others: Sequence[str], model: str) -> list[str]:
    """Options of data and network, with ``model``, a class that only measures, as the method."""
    words = list(others)
    configs: list[str] = []
    for place in reversed(range(len(words))):
        if words[place] in CONFIG:
            configs = [*words[place : place + 2], *configs]
            del words[place : place + 2]
        elif words[place].partition("=")[0] in CONFIG:
            configs = [words.pop(place), *configs]
    if not configs and not any(word.partition("=")[0] == "--data" for word in words):
        raise UserError("audit: name data and network with --config, such as digits/original.yaml, or give outputs (.npz)")
    return [*configs, "--model", model, *words, *QUIET]


def _figures(options: argparse.Namespace, retrained: Sequence[str], models: Mapping[str, Audited], request: Request) -> Found:
    """Figures of every model, by the name of its file."""
    from oro_unlearn.audit import audit_model, feature_places

    originals = {0: models[options.original].model} if options.original else {}
    by_file = {}
    for file, audited in models.items():
        references = [models[other].model for other in retrained if other != file]
        by_file[file] = {**audited.figures, **audit_model(audited.model, references, originals, request.forgotten)}
    known = {file: audited.model for file, audited in models.items()}
    for file, found in feature_places(known, retrained, request.forgotten).items() if request.attacks != "none" else ():
        by_file[file].update(found)
    return by_file


def _report(
    options: argparse.Namespace, retrained: Sequence[str], models: Mapping[str, Audited], request: Request, limits: Limits
) -> None:
    """Judge, print and write; with criteria, end with their exit code."""
    from oro_unlearn.attacks.classes import red_team_json
    from oro_unlearn.audit import (
        as_json,
        class_measures,
        findings,
        judged_json,
        results_json,
        sentence,
        shares_of,
        verdict_json,
        words,
    )
    from oro_unlearn.report.names import label

    figures = _figures(options, retrained, models, request)
    said_first = _complaints(options, retrained, models, request, figures)
    edited, names = models[options.edited].model, ", ".join(map(label, request.names))
    samples = shares_of({split: len(scores.labels) for split, scores in edited.items()})
    beside = [figures[file] for file in retrained]
    found = findings(figures[options.edited], figures.get(options.original), beside, samples)
    need = "they need weights" if options.edited.endswith(".npz") else "run with --level features"
    unmeasured = need if request.level == "outputs" else ""
    lines = words(_asked(edited, names), found, len(retrained), unmeasured)
    verdict = _verdict(options, retrained, models, request, found, unmeasured)
    scores = {file: audited.model for file, audited in models.items()}
    judged = Judged(scores, figures, request.forgotten, retrained, request.verification)
    more, entries = additions(options, judged, verdict)
    measures = class_measures(found, samples)
    results = limits.results(measures, verdict, request.level)
    audit: dict[str, Any] = {
        "words": [*lines, *more],
        "verdict": verdict_json(verdict, request.level),
        "figures": as_json(found),
    }
    audit |= {**entries, **judged_json(measures, verdict), **({"criteria": results_json(results)} if results else {})}
    tried = request.attacks != "none" and not unmeasured
    audit |= {"red_team": red_team_json(request.attacks, options.original or "")} if tried else {}
    roles = roles_of(options.edited, options.original or "", retrained)
    write_class_audit(roles, models, request, audit, said_first, options.output)
    shown = [*lines, *more, sentence(verdict, request.level)]
    _print(said_first, shown, found, f"Audit of {Path(options.edited).name}: {names}")
    print(f"written to {options.output / 'audit.json'}")
    limits.end(results)


def _print(said_first: Sequence[str], lines: Sequence[str], found: Any, title: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from oro_unlearn.audit import rows
    from oro_unlearn.report.tables import rich_table

    first = (Text(line, "bold red") for line in said_first)
    Console().print(*first, *map(Text, lines), rich_table(rows(found), title, CAPTION), sep="\n")


def _asked(edited: Mapping[str, Any], names: str) -> Any:
    """What was asked, and how many test images of the forgotten classes the edited model recognises."""
    from oro_unlearn.audit import Asked

    test = edited["test_forget"]
    recognised = int((test.logits.argmax(1) == test.labels).sum())
    return Asked(names, len(edited["forget"].labels), len(test.labels), recognised, test.logits.shape[1])


def _verdict(
    options: argparse.Namespace,
    retrained: Sequence[str],
    models: Mapping[str, Audited],
    request: Request,
    found: Any,
    unmeasured: str,
) -> Any:
    """The four lines."""
    from oro_unlearn.audit import class_lines, counts_of, tallied

    counts = {
        role: counts_of(models[file].model)
        for role, file in roles_of(options.edited, options.original or "", retrained).items()
    }
    classes = len(counts["unlearned"])
    names = dict(zip(request.forgotten, request.names, strict=True))
    tallies = tallied(counts, [names.get(label, str(label)) for label in range(classes)], request.forgotten)
    return class_lines(found, tallies, classes, request.level, len(retrained), unmeasured)


def _complaints(
    options: argparse.Namespace,
    retrained: Sequence[str],
    models: Mapping[str, Audited],
    request: Request,
    figures: Found,
) -> list[str]:
    """Reasons why the figures may be wrong. Without ``--force`` they are an error."""
    from oro_unlearn.audit import unknowing

    checked = [(file, True) for file in retrained] + ([(options.original, False)] if options.original else [])
    checked += [(file, True) for files in request.verification.values() for file in files]
    reasons = [unknowing(figures[file], models[file].model, file, forgets) for file, forgets in checked]
    reasons = [reason for reason in reasons if reason]
    if reasons and not options.force:
        raise UserError(f"audit: {'; '.join(reasons)}: {CAUSES}")
    return reasons
