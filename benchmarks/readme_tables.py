"""The two small tables of the README, with a few rows and one number per cell. The whole tables are in docs."""

import json

from benchmarks import RESULTS
from benchmarks.relation_tables import figure, leak, models, untouched, value, worst
from oro_unlearn.compare.distances import INSIDE
from oro_unlearn.compare.rows import label
from oro_unlearn.compare.summary import level_of, unbeaten
from oro_unlearn.report.tables import markdown_table

COLUMNS = (  # comparison, level, and what a reader is told
    ("digits", "representation", "Digits: features"),
    ("cifar10_small", "output level", "CIFAR-10: outputs"),
    ("cifar10_small", "representation", "CIFAR-10: features"),
)
METHODS = ("original", "logit_mask", "rwft_2_o", "eu_k", "graded_reset")
MODELS = ("original", "`shield`", "`paper`", "`redirect`", "PushOnly")


def classes_table(_: str) -> str:
    """Distance from the retrained models of five rows, as a multiple of the distance among these."""
    results = {name: json.loads((RESULTS / f"compare_{name}.json").read_text()) for name, _, _ in COLUMNS}
    columns = [level_of(results[name], header, INSIDE[level]) for name, level, header in COLUMNS]
    best = [unbeaten(column.found) for column in columns]
    rows = [["method", *(header for _, _, header in COLUMNS)]]
    for method in METHODS:
        numbers = [f"{column.found[method].value:.2f}" for column in columns]
        rows.append(
            [label(method), *(f"**{text}**" if method in own else text for text, own in zip(numbers, best, strict=True))]
        )
    return markdown_table(rows)


def relations_table(_: str) -> str:
    """How well the unsafe pictures are still found, and what became of the rest, in five rows."""
    kept = {"kept objects: R@1": "single_node/r1", "unseen neighbours: R@1": "unlisted_out/r1"}
    rows = []
    for name, runs, role in models(untouched()):
        if name in MODELS:
            recalls = [value(runs, lambda run, k=key, r=role: figure(run, k, r), 2, False) for key in kept.values()]
            rows.append([name, worst(runs, lambda run, r=role: leak(run, r), 2), *recalls])
    headers = ["model", "unsafe pairs: worst R@5", *kept]
    for place, header in enumerate(headers):  # what lacks runs says so once
        marks = {row[place].partition(" ")[2] for row in rows} - {""}
        headers[place] = " ".join([header, *sorted(marks)]) if place else header
    return markdown_table([headers, *([name, *(cell.partition(" ")[0] for cell in cells)] for name, *cells in rows)])


README_TABLES = {"readme_classes": classes_table, "readme_relations": relations_table}
