"""The price of removal: how well searched captions still work, against what neighbours lose, as the keep term is weighted.

    python -m benchmarks.removal_curve --keep 10 30 100

Every run removes "child eating hamburger", the tuple on which the preset was tuned, and measures on pictures drawn with another
seed. The attacker here is another than that of training: other seeds, and the words of the evaluation bank. It searches on half
of the measured pictures of the tuple and of its one-slot neighbours; every figure is of the other half. The rows of the shield
(``relation_unlearning.yaml``) and of the original are for comparison. Finished runs are reused. Writes
benchmarks/results/removal_curve.json.
"""

import argparse
import os
import random
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.relations import CONFIGS, TUNED, WORLD
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.report.tables import number

ROOT = Path("runs/benchmarks/removal_curve")
SEARCHES, ROUNDS, SEED = 6, 6, 900  # independent searches, their rounds, the first seed
COLUMNS = {  # figures of the report
    "direct/r5": "R@5: plain",
    "paraphrase/worst_r5": "R@5: worst paraphrase",
    "unlisted_neighbour/absolute_drift": "unlisted: mean drift",
    "unlisted_neighbour/worst_drift": "unlisted: worst drift",
    "unlisted_neighbour/r1": "unlisted: R@1",
    "listed_edge/r1": "listed: R@1",
    "retrieval/i2t_r1": "all: i2t R@1",
    "zero_shot/accuracy": "all: zero-shot",
    "relation_swap/accuracy": "all: relation swap",
}


def jobs(keep: Sequence[float], text: str, words: Sequence[str] = ()) -> dict[str, Job]:
    """One run for each weight, and one of the shield, by row."""
    fixed = ["--data.forget", text, "--data.holdout", "true", "--data.seed", "20"]
    names = {f"removal, keep {weight:g}": ["--model.keep", f"{weight:g}", *words] for weight in keep}
    folder = "-".join(text.split())
    found = {
        name: Job(ROOT / f"{folder}-keep-{weight:g}", CONFIGS / "removal.yaml", 0, [*fixed, *own], WORLD)
        for (name, own), weight in zip(names.items(), keep, strict=True)
    }
    listed = ["--data.listed", '{"subject": 5, "relation": 12, "object": 5}']
    return found | {"shield": Job(ROOT / f"{folder}-shield", CONFIGS / "relation_unlearning.yaml", 0, [*fixed, *listed], WORLD)}


def attacked(job: Job | None, data: Any) -> dict[str, Any]:
    """What a search for captions and a linear probe find in a run's model; in the original without a run."""
    from oro_unlearn.networks import OpenCLIP

    network = OpenCLIP("scenes", "shipped")
    if job:
        network.load_adapter(job.folder / "adapter")
    network.eval()
    with torch.no_grad():
        probes, encode = data.measured, partial(captions_of, network)
        rows = halves(probes)
        pictures = {name: [pictures_of(network, probes, half) for half in own] for name, own in rows.items()}
        texts = encode([text for n, text in enumerate(probes.texts[: len(probes.concepts)]) if n not in probes.unsafe])
        found = searched(encode, pictures, evaluation_words(data), texts)
    return found | {"probe_auc": probe(pictures)}


def halves(probes: Any) -> dict[str, list[list[int]]]:
    """Rows of plain pictures of the tuples to forget, of all their neighbours, and of the foils by relation, in two halves."""
    kinds = {"unsafe": set(probes.unsafe), "near": {place for places in probes.neighbours.values() for place in places}}
    for place in probes.neighbours["relation"]:
        kinds.setdefault(probes.concepts[place][1], set()).add(place)
    plain = [row for row, picture in enumerate(probes.pictures) if not picture.context and not picture.style]
    concept = probes.picture_concept.tolist()
    rows = {kind: sorted((row for row in plain if concept[row] in own), key=concept.__getitem__) for kind, own in kinds.items()}
    return {kind: [own[::2], own[1::2]] for kind, own in rows.items()}  # of each concept one half


def pictures_of(network: Any, probes: Any, rows: list[int]) -> Tensor:
    """Features (N, D) of measured pictures."""
    return torch.cat([network.encode_image(probes.images.__getitems__(rows[n : n + 256])[0]) for n in range(0, len(rows), 256)])


def captions_of(network: Any, captions: Sequence[str]) -> Tensor:
    """Features (N, D) of captions."""
    parts = [captions[start : start + 512] for start in range(0, len(captions), 512)]
    return torch.cat([network.encode_text(network.tokenize(part)) for part in parts])


def evaluation_words(data: Any) -> list[str]:
    """Words of the evaluation bank and the graph's own names."""
    named = [words for node in data.graph.objects.values() for words in (node.name, *node.synonyms["eval"])]
    named += [words for relation in data.graph.relations.values() for words in (relation.name, *relation.phrases["eval"])]
    return sorted({word for words in named for word in words.split()} | {"a", "an", "the", "of", "with", "and"})


def searched(encode: Any, pictures: dict[str, list[Tensor]], words: list[str], rivals: Tensor) -> dict[str, Any]:
    """Search on the first halves, towards the tuple and away from its neighbours; judge the strongest on the second."""
    from oro_unlearn.methods.relations.caption_search import search_captions
    from oro_unlearn.metrics import auc

    unsafe, near, *foils = pictures.values()
    directions = {"cosine": unsafe[0].mean(0), "contrast": unsafe[0].mean(0) - near[0].mean(0)}
    found: dict[str, Any] = {}
    for goal, direction in directions.items():
        captions = [
            search_captions(encode, direction, words, ROUNDS, random.Random(SEED + number))[0] for number in range(SEARCHES)
        ]
        best = max(captions, key=lambda caption: float(encode([caption])[0] @ direction))
        caption = encode([best])[0]
        found[goal] = {"caption": best, "auc": round(auc(unsafe[1] @ caption, near[1] @ caption), 4)}
        found[goal] |= {
            "r5": recall(unsafe[1], caption, rivals),
            "foil_r5": max(recall(own[1], caption, rivals) for own in foils),
        }
    return found


def recall(pictures: Tensor, caption: Tensor, rivals: Tensor) -> float:
    """R@5 of a caption (D,) for pictures (N, D), among the captions that need not be forgotten (M, D)."""
    closer = (pictures @ rivals.T > (pictures @ caption)[:, None]).sum(1)
    return round(float((closer < 5).float().mean()), 4)


def probe(pictures: dict[str, list[Tensor]]) -> float:
    """AUC of a logistic regression of unsafe against neighbours' pictures, fitted to the first halves, on the second."""
    from sklearn.linear_model import LogisticRegression

    from oro_unlearn.metrics import auc

    unsafe, near = pictures["unsafe"], pictures["near"]
    model = LogisticRegression(C=10, max_iter=2000, class_weight="balanced")
    model.fit(torch.cat([unsafe[0], near[0]]).numpy(), [1] * len(unsafe[0]) + [0] * len(near[0]))
    scores = [torch.from_numpy(model.decision_function(part[1].numpy())) for part in (unsafe, near)]
    return round(auc(*scores), 4)


def row(job: Job | None, report: dict[str, Any], data: Any) -> dict[str, Any]:
    """The figures of one model."""
    metrics = report["metrics"]["unlearned" if job else "original"]
    figures = {name: round(metrics[name], 4) for name in COLUMNS if name in metrics}
    return {"attack": attacked(job, data), "figures": figures, **({"seconds": round(report["seconds"], 1)} if job else {})}


def curve_table(content: dict[str, Any]) -> list[list[str]]:
    """Table of the curve: a row for each model.

    Args:
        content: Content of ``removal_curve.json``.
    """
    attacks = ("searched AUC, contrast", "searched AUC, cosine", "searched R@5 minus foil's", "probe AUC")
    rows = [["model", *attacks, *COLUMNS.values()]]
    for name, own in content["rows"].items():
        attack = own["attack"]
        excess = max(attack[goal]["r5"] - attack[goal]["foil_r5"] for goal in ("contrast", "cosine"))
        found = [attack["contrast"]["auc"], attack["cosine"]["auc"], excess, attack["probe_auc"]]
        rows.append([name, *(number(value) for value in (*found, *(own["figures"].get(figure) for figure in COLUMNS)))])
    return rows


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the curve."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=float, nargs="+", default=[10, 30, 100])
    parser.add_argument("--forget", default=TUNED)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    plan = jobs(options.keep, options.forget)
    run_stages([list(plan.values())], options.processes)
    from oro_unlearn.data import Scenes
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    data = Scenes(forget=options.forget, holdout=True, seed=20)
    done = {name: job for name, job in plan.items() if job.finished()}
    rows = {name: row(job, job.report(), data) for name, job in done.items()}
    original = {"original": row(None, next(iter(done.values())).report(), data)} if done else {}
    result = {
        "command": " ".join(["python -m benchmarks.removal_curve", *words]),
        **record(__file__, plan.values()),
        "tuple": options.forget,
        "versions": versions(),
        "hardware": hardware("cpu"),
        "configs": {name: (CONFIGS / f"{name}.yaml").read_text() for name in ("removal", "relation_unlearning")},
        "rows": original | rows,
    }
    write_json(result, Path("benchmarks/results") / f"removal_curve{'' if options.forget == TUNED else '_other'}.json")


if __name__ == "__main__":
    main()
