"""Run a hundred requests through ledgers, verify each ledger, and check fifty tampered copies of one ledger.

    python -m benchmarks.ledger_requests

The command trains an original on digits under runs/ledger_requests. Then ``fit --ledger`` forgets its classes one after another
in random orders, with one ledger for each order. An order ends with the ninth class, because a classifier keeps at least one.
After each request the ledger is verified, all of its requests are audited again with the newest model, and
benchmarks/results/ledger_requests.json is written. Requests that are already in a ledger are not run again.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.ledger_tampering import KINDS
from oro_unlearn.cli import main as run
from oro_unlearn.cli import settle
from oro_unlearn.cli.ledger_status import audited_again
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.ledger import RequestLedger, verify
from oro_unlearn.report.run_report import hardware, versions

RESULT, RUNS = Path("benchmarks/results/ledger_requests.json"), Path("runs/ledger_requests")
CLASSES, AN_ORDER = 10, 9  # classes of the digits; requests in one ledger
COPIES = 10  # tampered copies of each kind
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.logger", "false", "--audit.level", "outputs"]


class Request(NamedTuple):
    """One request.

    Attributes:
        order: Number of the order and of its ledger.
        place: Place of the request in the order, from 1.
        name: Name of the class.
    """

    order: int
    place: int
    name: str

    @property
    def ledger(self) -> Path:
        """Path of the ledger file of this request."""
        return RUNS / f"order-{self.order}" / "requests.jsonl"


def requests(count: int) -> list[Request]:
    """The first ``count`` requests: nine of each order, then the next order."""
    found = []
    for order in range(-(-count // AN_ORDER)):
        names = random.Random(order).sample(range(CLASSES), AN_ORDER)
        found += [Request(order, place, str(name)) for place, name in enumerate(names, 1)]
    return found[:count]


def requests_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the requests by their place in the order.

    Args:
        content: Content of ``ledger_requests.json``.
    """
    rows = [["place in the order", "requests", "ledger whole", "classes that came back", "accuracy on others %"]]
    for place in range(1, AN_ORDER + 1):
        own = [request for name, request in content["requests"].items() if int(name.partition("/")[2]) == place]
        back = sum(len(request["recognised"]) for request in own)
        whole = sum(not request["faults"] for request in own)
        accuracy = 100 * sum(request["accuracy_others"] for request in own) / len(own)
        rows.append([str(place), str(len(own)), str(whole), str(back), f"{accuracy:.1f}"])
    return rows


def tampered_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the tampered copies by kind.

    Args:
        content: Content of ``ledger_requests.json``.
    """
    kinds = dict.fromkeys(copy["kind"] for copy in content["tampered"])
    found = {kind: [copy["found"] for copy in content["tampered"] if copy["kind"] == kind] for kind in kinds}
    return [["tampering", "copies", "found"], *([kind, str(len(own)), str(sum(own))] for kind, own in found.items())]


def main(args: Sequence[str] | None = None) -> None:
    """Run the missing requests, then check the tampered copies."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--preset", default="digits/rwft_o.yaml")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args(words)
    from rich.progress import track

    settle()
    original = RUNS / "original" / "model.safetensors"
    if not original.with_name("report.json").is_file():
        run(["fit", "--config", "digits/original.yaml", *QUIET, "--trainer.default_root_dir", str(original.parent)])
    done = json.loads(options.output.read_text())["requests"] if options.output.is_file() else {}
    asked = requests(options.requests)
    for request in track(asked, f"{len(asked)} requests"):
        key = f"{request.order}/{request.place}"
        if key not in done or not is_in_ledger(request):
            done[key] = forget(request, options.preset, original)
            write(done, [], options, words)
    write(done, tampered(asked[0].ledger), options, words)


def is_in_ledger(request: Request) -> bool:
    """Whether the ledger already contains the request."""
    entries = RequestLedger(request.ledger).entries()
    return len(entries) >= request.place and entries[request.place - 1].forget == [request.name]


def forget(request: Request, preset: str, original: Path) -> dict[str, Any]:
    """Run one request unless it is in its ledger, verify the ledger, and audit all of its requests again."""
    begin = time.perf_counter()
    root = request.ledger.parent / f"request-{request.place}"
    if not is_in_ledger(request):
        given = ["--model.original", str(original)] if request.place == 1 else []
        where = ["--trainer.default_root_dir", str(root), "--ledger", str(request.ledger), "--ledger_asker", "benchmark"]
        run(["fit", "--config", preset, "--data.forget", f"[{request.name}]", *given, *where, *QUIET])
    seconds = time.perf_counter() - begin
    faults, verified = verify(request.ledger), time.perf_counter()
    rows = audited_again(request.ledger)
    return {
        "forget": request.name,
        "seconds": round(seconds, 2),
        "seconds_verify": round(verified - begin - seconds, 3),
        "faults": list(map(str, faults)),
        "recognised": [f"{row.name} {row.said}: {row.now}" for row in rows if row.recognised],
        "accuracy_others": json.loads((root / "report.json").read_text())["metrics"]["unlearned"]["test/acc_r"],
    }


def tampered(path: Path) -> list[dict[str, Any]]:
    """Tamper with copies of a ledger and its files, and record whether ``verify`` finds it."""
    found = []
    for kind, tamper in KINDS.items():
        for seed in range(COPIES):
            with tempfile.TemporaryDirectory(dir=RUNS) as folder:
                copy = shutil.copytree(path.parent, Path(folder, path.parent.name))
                shutil.copytree(RUNS / "original", Path(folder, "original"))  # a changed file may be the first model
                ledger = RequestLedger(copy / path.name)
                tamper(ledger, ledger.lines(), random.Random(seed))
                faults = [str(fault).replace(f"{ledger.folder.parent}/", "") for fault in verify(ledger.path)]
                found.append({"kind": kind, "seed": seed, "found": bool(faults), "said": faults[:1]})
    return found


def write(done: dict[str, Any], copies: list[dict[str, Any]], options: argparse.Namespace, words: Sequence[str]) -> None:
    """Write all results so far, with the command, versions and hardware that made them."""
    about = {
        "command": " ".join(["python -m benchmarks.ledger_requests", *words]),
        "preset": options.preset,
        **record(__file__),
    }
    verified = sum(not request["faults"] for request in done.values())
    head = {"requests": len(done), "verified": verified, "tampered": len(copies), "found": sum(c["found"] for c in copies)}
    about |= {"versions": versions(), "hardware": hardware("cpu"), "summary": head}
    write_json({**about, "requests": done, "tampered": copies}, options.output)


if __name__ == "__main__":
    main()
