"""The demo: a classifier of handwritten digits forgets the eights, beside everything it must be compared with.

    make demo        (or: python -m benchmarks.demo --forget 3)

Trains the original and two retrained models, runs the free control and three variants of RWFT, and prints one table.
Finished stages are reused as long as their configuration and inputs are the same.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

ROOT = Path("runs/digits-small_cnn")
CONFIGS = Path("lightning_configs/digits")
LABELS = {
    "logit_mask": "LogitMask (free control)",
    "rwft_o": "RWFT-O",
    "rwft_2_o": "RWFT-2-O",
    "rw_a": "RW-A",
}


class Stage(NamedTuple):
    """One ``oro-unlearn fit``."""

    name: str
    config: str
    seed: int
    options: list[str]
    inputs: list[Path]

    @property
    def folder(self) -> Path:
        """Where it writes."""
        return ROOT / self.name

    def key(self) -> str:
        """Hash of everything the result depends on."""
        from oro_unlearn import __version__

        parts = [__version__.encode(), (CONFIGS / f"{self.config}.yaml").read_bytes(), *map(str.encode, self.options)]
        parts += [path.read_bytes() for path in self.inputs]
        return hashlib.sha256(b"\0".join([str(self.seed).encode(), *parts])).hexdigest()

    def run(self, console: Console) -> None:
        """Run it, unless it is finished already."""
        stamp, key = self.folder / "demo.key", self.key()
        if stamp.is_file() and stamp.read_text() == key and (self.folder / "report.json").is_file():
            console.print(f"[green]✓[/green] {self.name}: finished already, reused ({self.folder})")
            return
        from oro_unlearn.cli import main

        arguments = ["fit", "--config", str(CONFIGS / f"{self.config}.yaml"), "--seed_everything", str(self.seed)]
        arguments += ["--trainer.default_root_dir", str(self.folder), *self.options]
        console.rule(self.name)
        console.print("oro-unlearn", *arguments, style="dim", highlight=False)
        main(arguments)
        stamp.write_text(key)


def stages(forget: str) -> list[Stage]:
    """Everything the table needs, in order."""
    request = ["--data.forget", f"[{forget}]"]
    original, retrained = ROOT / "original/model.safetensors", [ROOT / f"retrained-{n}/model.safetensors" for n in (0, 1)]
    references = ["--model.original", str(original), "--model.retrained", f"[{', '.join(map(str, retrained))}]"]
    return [
        Stage("original", "original", 0, [], []),
        *(Stage(f"retrained-{n}", "retrained", 100 + n, request, []) for n in (0, 1)),
        *(Stage(name, name, 0, [*request, *references], [original, *retrained]) for name in LABELS),
    ]


def main(args: Sequence[str] | None = None) -> None:
    """Run all stages and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forget", default="8", help="the digit to forget")
    options = parser.parse_args(args)
    sys.argv = sys.argv[:1]
    console, start = Console(), time.perf_counter()
    for stage in stages(options.forget):
        stage.run(console)
    from oro_unlearn.report.tables import NOTE, caption, comparison_rows, markdown_table, rich_table

    reports: list[dict[str, Any]] = []
    for name, label in LABELS.items():
        reports.append({**json.loads((ROOT / name / "report.json").read_text()), "label": label})
    rows = comparison_rows(reports)
    console.rule("comparison")
    console.print(rich_table(rows, f"The digit {options.forget} forgotten", caption(reports[0])))
    (ROOT / "comparison.md").write_text(f"{markdown_table(rows)}\n\n{NOTE}\n")
    console.print(f"{time.perf_counter() - start:.0f} s; table in {ROOT}/comparison.md, pictures in {ROOT}/*/redirection.png")


if __name__ == "__main__":
    main()
