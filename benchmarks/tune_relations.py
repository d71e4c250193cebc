"""Choose the default recipe of relational unlearning, on one tuple and on pictures that no reported figure is measured on.

    python -m benchmarks.tune_relations

Every candidate forgets "child eating hamburger" with two seeds, with 30 % of the vocabulary withheld. The score is a sum of
terms that should be small: R@5 of the unsafe captions in the worst wording, place or style; the distance of their median rank
from the middle of the gallery, beyond 15 points; the mean drift, and a third of the worst drift, of unlisted neighbours; and
the loss of R@1 of unlisted neighbours and of everything. Writes benchmarks/results/tune_relations.json. The chosen values are
then written into the YAML by hand, with this script as their source.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.relations import CONFIGS, TUNED, WITHHELD, WORLD
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record

ROOT = Path("runs/benchmarks/tune_relations")
SEEDS = (0, 1)
START = {  # where the search began: a recipe measured on a prototype of this world
    "trainer.max_epochs": "6",
    "model.push": "target",
    "model.tau": "unrelated",
    "model.kl_rows": "2.0",
    "model.vocab_text": "30.0",
    "model.vocab_captions": "94",
    "model.vocab_shares": "[0.3, 0.3, 0.4, 0.0]",
    "model.lora_rank": "8",
    "model.lora_alpha": "16",
    "model.optimizer.lr": "3.0e-3",
    "data.rewordings": "0",
}
WIDE = {  # more captions, reworded ones and near misses among them, held harder; a larger adapter to do both
    "model.vocab_text": "200.0",
    "model.vocab_captions": "188",
    "model.vocab_shares": "[0.25, 0.2, 0.35, 0.2]",
    "model.lora_rank": "16",
    "model.lora_alpha": "32",
    "data.rewordings": "2",
}
CANDIDATES: dict[str, dict[str, str]] = {
    "start": {},
    "start, rewordings 2": {"data.rewordings": "2"},
    "wide": WIDE,
    "wide, no near misses": WIDE | {"model.vocab_shares": "[0.3, 0.3, 0.4, 0.0]"},
    "wide, rank 8": WIDE | {"model.lora_rank": "8", "model.lora_alpha": "16"},
    "wide, rank 32": WIDE | {"model.lora_rank": "32", "model.lora_alpha": "64"},
    "wide, vocab_text 100": WIDE | {"model.vocab_text": "100.0"},
    "wide, vocab_text 400": WIDE | {"model.vocab_text": "400.0"},
    "wide, kl_rows 5": WIDE | {"model.kl_rows": "5.0"},
    "wide, mismatched tau": WIDE | {"model.tau": "mismatched"},
    "wide, squared": WIDE | {"model.push": "squared"},
    "wide, 8 epochs": WIDE | {"trainer.max_epochs": "8"},
    "wide, squared, 8 epochs": WIDE | {"model.push": "squared", "trainer.max_epochs": "8"},
    "wide, squared, vocab_text 150": WIDE | {"model.push": "squared", "model.vocab_text": "150.0"},
    "wide, squared, rank 32": WIDE | {"model.push": "squared", "model.lora_rank": "32", "model.lora_alpha": "64"},
}


def jobs(name: str) -> list[Job]:
    """One candidate's runs."""
    words = [word for key, value in (START | CANDIDATES[name]).items() for word in (f"--{key}", value)]
    folder = "-".join(name.replace(":", "").replace(",", "").replace("=", "").split())
    fixed = ["--data.forget", TUNED, "--data.holdout", "true", "--audit.attacks", "none", *WITHHELD]
    return [
        Job(ROOT / f"{folder}-s{seed}", CONFIGS / "shield.yaml", seed,
            [*fixed, "--data.seed", str(10 + seed), *words], WORLD)
        for seed in SEEDS
    ]  # fmt: skip


def score(report: dict[str, Any]) -> float:
    """What should be small, added up."""
    after, before = report["metrics"]["unlearned"], report["metrics"]["original"]
    groups = ("direct", "paraphrase", "contextual", "ood_image", "typo", "combined")
    leak = mean(after[f"{group}/worst_r5"] for group in groups)
    rank = max(0.0, abs(after["unsafe/median_rank"] - 0.5) - 0.15)
    lost = sum(max(0.0, before[name] - after[name]) for name in ("unlisted_neighbour/r1", "retrieval/i2t_r1"))
    return leak + rank + after["unlisted_neighbour/absolute_drift"] + after["unlisted_neighbour/worst_drift"] / 3 + lost


def main(args: Sequence[str] | None = None) -> None:
    """Run the candidates and write their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(args)
    plan = {name: jobs(name) for name in CANDIDATES}
    run_stages([[one for own in plan.values() for one in own]])
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    names = ("unsafe/worst_r5", "unsafe/median_rank", "contextual/worst_r5", "ood_image/worst_r5", "combined/r5",
             "unlisted_in/absolute_drift", "unlisted_in/worst_drift", "unlisted_out/absolute_drift", "unlisted_out/worst_drift",
             "unlisted_neighbour/r1", "retrieval/i2t_r1", "relation_swap/strict", "role_swap/accuracy")  # fmt: skip
    rows = {}
    for name, own in plan.items():
        reports = [one.report() for one in own if one.finished()]
        if len(reports) == len(SEEDS):
            figures = {key: round(mean(report["metrics"]["unlearned"][key] for report in reports), 4) for key in names}
            seconds = round(mean(report["seconds"] for report in reports), 1)
            rows[name] = {
                "score": round(mean(map(score, reports)), 4),
                "seconds": seconds,
                **figures,
                "options": START | CANDIDATES[name],
            }
    result = {
        "command": " ".join(["python -m benchmarks.tune_relations", *(args if args is not None else sys.argv[1:])]),
        **record(__file__, [one for own in plan.values() for one in own]),
        "tuple": TUNED,
        "seeds": list(SEEDS),
        "versions": versions(),
        "hardware": hardware("cpu"),
        "candidates": rows,
        "chosen": min(rows, key=lambda name: rows[name]["score"]),
    }
    write_json(result, Path("benchmarks/results/tune_relations.json"))
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
