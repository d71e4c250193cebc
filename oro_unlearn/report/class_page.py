"""The page of a classifier: what ``fit``, ``test`` and ``audit`` write about it beside their JSON."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oro_unlearn.audit import Finding, from_json
from oro_unlearn.audit.findings import ATTACKS, LABELS, rows
from oro_unlearn.audit.red_team import RECALLS, RED_TEAM
from oro_unlearn.report.class_charts import confidence_chart, confusion_chart, redirection_chart, roc_chart
from oro_unlearn.report.drawings import svg_of
from oro_unlearn.report.loading import classifier_code
from oro_unlearn.report.names import label, printable
from oro_unlearn.report.page import Card, Cell, Page, Picture, Section, Strip, Table
from oro_unlearn.report.page_parts import Content, gaps_section, page_of, words_of
from oro_unlearn.report.tables import IN_RANGE, caption, single_rows

TRIED = ("probe_5_shot", "probe_full", *ATTACKS, *RECALLS, "feature_lira/outside", "rmia_forget", "mia", "nn_member_rate")
TRIES = (
    "Further attacks, with the same steps, batches and seeds for every model. An attack succeeds if it brings back more of the "
    "forgotten classes than from retrained models. Figures of patches and drawn names count above the share of other images "
    "that the same mark turns into the class: the excess. The verdict does not use these figures. A dash: the attack needs a "
    "finite logit, and the model has none, or it lacks images."
)
JUDGED = (
    "Inverted inputs are shown to another model, which knows the classes. An edit shares weights with its original, and no "
    "model judges itself."
)
NOTE = "Where it lies: the band is the range of one more retrained model, the dot the edited model, the ring the original."


def make_page(content: Content, folder: Path) -> Page:
    """The page of a report on a classifier.

    Args:
        content: Content of ``report.json`` or of a classifier's ``audit.json``.
        folder: Not read: every drawing comes from the content.
    """
    audit = _audit_of(content)
    found = from_json(audit.get("figures", {}))
    names = ", ".join(map(label, content["forget"])) or content.get("samples", "") or "nothing"
    sections = [
        _figures(content, [one for one in found if one.key not in RED_TEAM]),
        *_red_team(content, audit, [one for one in found if one.key in RED_TEAM]),
        *_pictures(content),
        *(_strongest(found) if audit else ()),
        *([gaps_section(words_of(audit), _undefined(content))] if audit else ()),
    ]
    own = {
        "title": f"Forgetting {names}" if audit else f"Model trained by {content['method']}",
        "about": " · ".join(part for part in (content["method"], content["data"], content["network"]) if part),
        "facts": _facts(content, names),
        "card": _card(content, found),
    }
    return page_of(content, audit, _figure_text, sections, classifier_code(content), **own)


def _audit_of(content: Content) -> Content:
    """The audit: a part of the report of a run, and the whole of ``audit.json``."""
    found: Content = content.get("audit", content if "verdict" in content else {})
    return found


def _facts(content: Content, names: str) -> list[tuple[str, str]]:
    """The request, and the images on which it was measured."""
    images, verdict = content.get("images", {}), _audit_of(content).get("verdict")
    counts = {
        "retain": "Kept training images",
        "test_retain": "Kept test images",
        "forget": "Training images to forget",
        "test_forget": "Test images to forget",
    }
    used = "" if "metrics" in content else ", used"  # an audit uses some of them
    facts = [("To forget", names), ("Earlier requests", ", ".join(map(label, content.get("forgotten", ()))))]
    facts += [("Method", content["method"]), ("Data", content["data"]), ("Network", content["network"])]
    facts += [(f"{name}{used}", f"{images[split]:,}") for split, name in counts.items() if split in images]
    facts += [("Retrained models", str(content["retrained_models"]))] if "retrained_models" in content else []
    facts += [("Level of the audit", verdict["level"])] if verdict else []
    return [(name, value) for name, value in facts if value]


def _figures(content: Content, found: Sequence[Finding]) -> Section:
    """Every figure before the edit and after it, beside the retrained models."""
    if not found:
        header, *lines = single_rows(content)
        note = caption(content) if "metrics" in content else IN_RANGE
        return Section("Figures", [Table("Figures of the model", header, lines, note)], on_card=True)
    return Section("Figures", [_judged_table("Before, after and retrained", content, found)], on_card=True)


def _red_team(content: Content, audit: Content, found: Sequence[Finding]) -> Iterator[Section]:
    """What the red team tried, and what it found; nothing if it tried nothing."""
    if not found:
        return
    judge = audit.get("red_team", {}).get("judge")
    said = [TRIES, f"{JUDGED} The judge: {printable(judge)}."] if judge else [TRIES]
    yield Section("Red team", [*said, _judged_table("Attacks of the red team", content, found)], on_card=True)


def _judged_table(title: str, content: Content, found: Sequence[Finding]) -> Table:
    """Figures beside those of the retrained models."""
    note = caption(content) if "metrics" in content else IN_RANGE
    header, *lines = rows(found)
    table = [_row(finding, line) for finding, line in zip(found, lines, strict=True)]
    if len(header) > 3:
        header = ["figure", "before", "after", "ideal (retrained)", "range", "in range", "where it lies"]
        note = f"{NOTE} {note}"
    elif "metrics" not in content:
        note = "No retrained model was given: nothing says what is normal."
    return Table(title, header, table, note)


def _row(finding: Finding, line: Sequence[str]) -> list[Cell | str]:
    """A row of the table. ``line`` has the texts of name, before, after and, with retrained models, ideal and verdict."""
    numbers = [finding.original, finding.edited, finding.reading.ideal if finding.reading else None]
    cells: list[Cell | str] = [figure_name(finding.key)]
    cells += [Cell(text, _order(value)) for text, value in zip(line[1:4], numbers, strict=False)]
    if len(line) <= 3:
        return cells
    beside = finding.reading
    judged = beside is not None and not math.isnan(beside.low)
    range_text = f"{_number(finding.key, beside.low)} to {_number(finding.key, beside.high)}" if beside and judged else "–"
    inside = {"yes": Cell("yes", answer="yes"), "no": Cell("no", answer="no")}.get(line[4], Cell(line[4]))
    strip = _strip(finding)
    return [*cells, range_text, inside, Cell(f"after {line[2]}, range {range_text}" if strip else "–", strip=strip)]


def figure_name(key: str) -> str:
    """Name of a figure in a table that may be sorted: it says of which attack it is.

    Args:
        key: Name of the figure in the audit.
    """
    attack = {"mia_own_accuracy": "MIA: ", "nn_own_accuracy": "MIA-NN: "}.get(key, "")
    return attack + LABELS[key][0].strip()


def _strip(finding: Finding) -> Strip | None:
    """Where the edited model lies beside the retrained models; None if they have no range."""
    beside = finding.reading
    if beside is None or math.isnan(beside.low) or math.isnan(finding.edited):
        return None
    low, high = (max(0.0, min(1.0, end)) if LABELS[finding.key][1] else end for end in (beside.low, beside.high))
    before = _order(finding.original)
    values = [low, high, finding.edited, *([before] if before is not None else [])]
    first, last = (0.0, 1.0) if LABELS[finding.key][1] else (min(*values, 0.0), max(*values, 1.0))
    places = [(value - first) / ((last - first) or 1.0) for value in values]
    return Strip(places[0], places[1], places[2], places[3] if len(places) > 3 else None)


def _order(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _number(key: str, value: float) -> str:
    """A figure as text; limits of a share are shown as shares."""
    return f"{100 * max(0.0, min(1.0, value)):.1f}%" if LABELS[key][1] else f"{value:.3f}"


def _figure_text(key: str, value: float) -> str:
    """Name and value of a figure of the verdict."""
    return f"{figure_name(key)}: {_number(key, value)}" if key in LABELS else f"{key}: {value:.3f}"


def _strongest(found: Sequence[Finding]) -> Iterator[Section]:
    """The attack whose result is least like that of retrained models; without them, the one that recalls most."""
    tried = {finding.key: finding for finding in found if finding.key in TRIED and not math.isnan(finding.edited)}
    compared = {key: one for key, one in tried.items() if one.reading and not math.isnan(one.reading.p)}
    recalled = {key: one for key, one in tried.items() if key.startswith(("probe", "relearn"))}
    if compared:
        best = min(compared.values(), key=lambda one: one.reading.p if one.reading else 1)
        assert best.reading is not None
        chance = f"one more retrained model is that far from the ideal with probability {best.reading.p:.2g}"
        judged = {"inside": "inside their range", "outside": "outside their range"}.get(best.reading.verdict, "not judged")
        text = f"{_beside(best)}: {judged}; {chance}."
    elif recalled:
        text = f"{_beside(max(recalled.values(), key=lambda one: one.edited))}. No range says what is normal."
    else:
        text = "No attack with a result to compare was tried."
    kind = "Of the attacks that were tried, this one tells the model from retrained models best." if compared else ""
    yield Section("The strongest attack found", [text, *([kind] if kind else [])], on_card=True)


def _beside(finding: Finding) -> str:
    text = _figure_text(finding.key, finding.edited)
    original = _order(finding.original)
    before = [f"{_number(finding.key, original)} before"] if original is not None else []
    beside = [f"{_number(finding.key, finding.reading.ideal)} retrained"] if finding.reading else []
    return f"{text} ({', '.join([*before, *beside])})"


def _undefined(content: Content) -> list[str]:
    """Figures without a value, each with the reason."""
    reasons: Mapping[str, str] = content.get("undefined", {}).get("train/mia", {})
    return [f"Membership inference of the model “{role.replace('_', ' ')}”: {reason}." for role, reason in reasons.items()]


def _pictures(content: Content) -> Iterator[Section]:
    """Drawings of predictions, confidences and the membership attack."""
    pictures = [*_predictions(content), *_confidences(content)]
    if pictures:
        yield Section("Pictures", pictures)


def _predictions(content: Content) -> Iterator[Picture]:
    shares, confusion = content.get("redirection"), content.get("confusion")
    names = list(next(iter(shares.values()))) if shares else []
    if shares:
        edited = shares.get("unlearned") or next(iter(shares.values()))
        most = max(edited, key=lambda name: edited[name])
        title = "Where test images of the forgotten classes go"
        alt = f"{title}: bars per class and model. Most go to {label(most)} ({100 * edited[most]:.0f} %)."
        yield Picture(
            title,
            alt,
            svg_of(lambda: redirection_chart(shares)),
            note="The predicted classes. The ideal is the distribution of the retrained models.",
        )
    if confusion and names:
        title = "Confusion on the test images"
        alt = f"{title}: rows are the {len(names)} labels, columns the predictions of the measured model."
        svg = svg_of(lambda: confusion_chart(confusion, names, content["forget"]))
        yield Picture(title, alt, svg, note="Forgotten classes are coloured. A good model has a dark diagonal elsewhere.")


def _confidences(content: Content) -> Iterator[Picture]:
    kept = content.get("confidences", {})
    counts = kept.get("counts", {})
    if not any(sum(groups["forget"]) for groups in counts.values()):
        return
    title = "Confidence in the true class"
    alt = f"{title}: histograms for members, non-members and forgotten images, one panel per model."
    note = "Forgotten images should lie where the retrained models have them."
    yield Picture(title, alt, svg_of(lambda: confidence_chart(counts, kept["limit"])), note=note)
    first = next(iter(counts.values()))
    unseen = next((group for group in ("test_forget", "test_retain") if sum(first[group])), "")
    if unseen:
        what = {"test_forget": "test images of the same classes", "test_retain": "test images"}[unseen]
        title = "Membership attack on the forgotten images"
        alt = f"{title}: ROC on logarithmic axes, original, edited and retrained."
        note = f"Forgotten training images against {what}, by confidence. Above the dotted line the attack beats chance."
        yield Picture(title, alt, svg_of(lambda: roc_chart(counts, unseen)), note=note)


def _card(content: Content, found: Sequence[Finding]) -> Card:
    """What a model card says in its YAML: accuracies of the measured model."""
    values = {
        finding.key: finding.edited for finding in found if finding.key.startswith("acc_") and not math.isnan(finding.edited)
    }
    if not found:
        own = next(iter(content["metrics"].values()))
        measured = own.get("mean", own)
        values = {key: measured[f"test/{key}"] for key in ("acc_f", "acc_r") if measured.get(f"test/{key}") is not None}
    named: dict[str, Any] = {LABELS[key][0]: ("accuracy", value) for key, value in values.items()}
    return Card("image-classification", content["data"] or "outputs", content["network"], content["method"], named)
