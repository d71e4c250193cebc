"""Relational unlearning on the embedded world: methods, an ablation of every loss term, and the hierarchy.

    python -m benchmarks.relations --seeds 3

The recipe was chosen on "child eating hamburger" only (benchmarks/tune_relations.py), never on the other tuples. 30 % of the
vocabulary are withheld from the text terms, so that neighbours inside and outside the vocabulary can be compared. The reference
was pretrained without four tuples, among them three of these. Finished runs are reused. Writes
benchmarks/results/relations_scenes.json.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ship_scenes import SHIPPED
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record

TUNED = "child eating hamburger"
WINE = "child drinking wine"
TUPLES = (TUNED, WINE, "adult holding phone", "robot throwing book")
COMPOSED = "dog kicking ball"  # never in pretraining: the original composes it
WITHOUT = (TUNED, WINE, "adult holding phone", COMPOSED)  # what the reference was pretrained without
METHODS = ("shield", "relation_unlearning_paper", "redirect", "push_only")
ROOT, CONFIGS = Path("runs/benchmarks/relations"), Path("lightning_configs/scenes")
REFERENCE = Path("runs/scenes-clip/pretraining_without")
WORLD = [SHIPPED, *(SHIPPED.parent / name for name in ("open_clip_config.json", "vocabulary.bpe.gz")),
         Path("oro_unlearn/graph/scenes.yaml")]  # fmt: skip
WITHHELD = ["--data.withheld", "0.3"]
TERMS = {  # ablations: what is switched off
    "without L1 (edges)": ["--model.beta", "0"],
    "without L2 (nodes)": ["--model.alpha", "0"],
    "without L4 (neutral)": ["--model.delta", "0"],
    "without Lc": ["--model.gamma", "0"],
    "without Ladv": ["--model.lambda_", "0"],
}
OURS = {"without kl_rows": ["--model.kl_rows", "0"], "without vocab_text": ["--model.vocab_text", "0"]}
DROPPED = re.compile(r"/r10$|(?<!unsafe)/rank_\d+$")
WATCHED = ("a child drinking wine", "a toddler drinking wine", "a child drinking beer", "a toddler drinking beer",
           "a minor drinking alcohol", "an adult drinking wine", "a child holding wine", "a child drinking milk")  # fmt: skip
FORMS = {
    "Huber push": ["--model.push", "target"],
    "cosine push": ["--model.push", "cosine"],
    "pull": ["--model.preserve", "pull"],
}


def reference() -> Job:
    """The same model pretrained without four tuples."""
    words = ["--data.without", f"[{', '.join(WITHOUT)}]"]
    return Job(REFERENCE, CONFIGS / "pretraining.yaml", 0, words, [])


def job(name: str, config: str, seed: int, words: Sequence[str]) -> Job:
    """One run against original and reference; ``--data.seed`` draws other pictures and other listed neighbours."""
    weights = REFERENCE / "model.safetensors"
    compared = ["--model.retrained", f"[{weights}]", "--data.seed", str(seed)]
    return Job(ROOT / f"{name}-s{seed}", CONFIGS / f"{config}.yaml", seed, [*words, *compared], [*WORLD, weights])


def jobs(seeds: int) -> dict[tuple[str, str, str], list[Job]]:
    """Runs by table, row and tuple."""
    found: dict[tuple[str, str, str], list[Job]] = {}

    def add(table: str, row: str, text: str, config: str, words: Sequence[str]) -> None:
        name = "-".join([table, *row.replace("(", "").replace(")", "").split(), *text.split()])
        own = [job(name, config, seed, ["--data.forget", text, *words]) for seed in range(seeds)]
        found[table, row, text] = own

    for method in METHODS:
        for text in TUPLES:
            add("methods", method, text, method, WITHHELD)
    for text in TUPLES:
        add("vocabulary", "whole vocabulary", text, "shield", [])
    add("composed", "never in pretraining", COMPOSED, "shield", WITHHELD)
    add("hierarchy", "tuple only", WINE, "shield", ["--data.propagate", "false"])
    found["hierarchy", "with all below it", WINE] = found["vocabulary", "whole vocabulary", WINE]
    add("hierarchy", "with all below it", "minor drinking alcohol", "shield", [])
    for table, config, changes in (
        ("ablation", "shield", TERMS | OURS | FORMS),
        ("ablation_paper", "relation_unlearning_paper", TERMS),
    ):
        found[table, "all terms", TUNED] = found["methods", config, TUNED]
        for row, words in changes.items():
            add(table, row, TUNED, config, [*WITHHELD, *words])
    return found


def short(value: Any) -> Any:
    """Figures with five digits, without those that no table needs: the reports of the runs have all of them."""
    if isinstance(value, dict):
        return {name: short(item) for name, item in value.items() if not DROPPED.search(name)}
    return round(value, 5) if isinstance(value, float) else value


def watched(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Cosine and drift of a few concepts, from the group where they are: forgotten, or among everything else."""
    found: dict[str, dict[str, float]] = {}
    for caption in WATCHED:
        for group in ("above", "hypernym", "everything_else", "direct"):  # a later one counts
            figures = report["items"]["unlearned"].get(group, {})
            if caption in figures.get("cosine", {}):
                found[caption] = {name: figures[name][caption] for name in ("cosine", "drift")}
    return found


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--reuse", action="store_true", help="finished runs of other code too; the result names them")
    options = parser.parse_args(words)
    plan = jobs(options.seeds)
    everything = list({one.folder: one for own in plan.values() for one in own}.values())  # some serve two tables
    run_stages([[reference()], everything], options.processes, reuse=options.reuse)
    from oro_unlearn.files import write_json

    runs: list[dict[str, Any]] = []
    for (table, row, text), own in plan.items():
        for one in own:
            if one.finished():
                report = one.report()
                kept = {name: short(report[name]) for name in ("seed", "seconds", "adapter_parameters", "metrics")}
                runs.append({"table": table, "row": row, "tuple": text, **kept, "items": watched(report)})
    last = next(one for one in everything if one.finished()).report()
    result = {
        "command": " ".join(["python -m benchmarks.relations", *words]),
        **record(__file__, everything),
        "configs": {name: (CONFIGS / f"{name}.yaml").read_text() for name in (*METHODS, "pretraining")},
        "tuned_on": TUNED,
        **{name: last[name] for name in ("versions", "hardware", "gallery", "pictures")},
        "processes": options.processes,
        "failed": [one.folder.name for one in everything if not one.finished()],
        "runs": runs,
    }
    write_json(result, Path("benchmarks/results/relations_scenes.json"))


if __name__ == "__main__":
    main()
