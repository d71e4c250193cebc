"""Tables of the reliability page: kills, bad inputs, fuzzing, several processes, many requests, one GPU."""

import json
from collections.abc import Callable
from statistics import mean
from typing import Any

from benchmarks import RESULTS
from oro_unlearn.report.tables import markdown_table

ORDER = ("trained", "measured")
PRECISION = {
    "original test/acc_r": "original: ACC %",
    "rwft_o test/acc_f": "RWFT-O: ACC_f %",
    "rwft_o test/acc_r": "RWFT-O: ACC_r %",
    "scenes unsafe/worst_r5": "relation: worst R@5 %",
    "scenes everything_else/r1": "relation: R@1 of all kept %",
}


def load(name: str) -> dict[str, Any]:
    """Results of one script."""
    return json.loads((RESULTS / f"reliability_{name}.json").read_text())


def kills_table(name: str) -> str:
    """Kills survived of kills tried, by command."""
    rows = [["command", "runs", "kills", "survived", "finished jobs done again", "same weights, bit by bit", "same figures"]]
    found = load(name)["rows"]
    for command in dict.fromkeys(row["command"] for row in found):
        own = [row for row in found if row["command"] == command]
        kills = sum(row["kills"] for row in own)
        survived = sum(row["kills"] for row in own if row["code"] == 0 and all(row["identical"].values()))
        again = sum(row["repeated"] for row in own)
        same = [f"{sum(row['identical'][what] for row in own)} of {len(own)}" for what in ("weights", "figures")]
        rows.append([command, str(len(own)), str(kills), str(survived), str(again), *same])
    return markdown_table(rows)


def bad_inputs_table(name: str) -> str:
    """Bad inputs refused of bad inputs tried, by kind; legal ones must work."""
    found = load(name)
    rows = [["kind", "tried", "refused in one line", "legal, worked"]]
    for kind, counts in [*found["by_kind"].items(), ("**all**", found)]:
        rows.append([kind, *(str(counts[column]) for column in ("tried", "refused", "legal, worked"))])
    return markdown_table(rows)


def fuzz_table(name: str) -> str:
    """Generated files by parser."""
    found = load(name)
    rows = [["parser", "files", "of them valid", "tracebacks or broken promises"]]
    for parser, counts in found["cases"].items():
        failed = sum(failure["parser"] == parser for failure in found["failures"])
        rows.append([parser, f"{counts['tried']:,}", f"{counts['valid']:,}", str(failed)])
    return markdown_table(rows)


def processes_table(name: str) -> str:
    """Largest differences between one process and several, over all methods, by figure."""
    found = load(name)["by_metric"]
    names = [figure for figure in found["trained"] if any(found[kind].get(figure) for kind in ORDER)]
    shown = sorted(names, key=lambda figure: -max(found[kind].get(figure, 0.0) for kind in ORDER))[:12]
    rows = [["largest difference over all methods", "the same checkpoint, measured", "trained by one and by two"]]
    for figure in shown:
        values = [found[kind].get(figure) for kind in ("measured", "trained")]
        cells = ["–" if value is None else f"{value:.1e}" if value else "0" for value in values]
        rows.append([figure, *cells])
    rest = len(found["trained"]) - len(shown)
    return markdown_table([*rows, [f"{rest} other figures", "less, or 0", "less, or 0"]])


def soak_table(chain: str) -> str:
    """Requests one after another: means over rounds, and the worst of all rounds.

    Args:
        chain: ``classes`` or ``tuples``.
    """
    found = [row for row in load("soak")["rows"] if row["chain"] == chain]
    what = {"classes": ("recall", "accuracy", "total variation"), "tuples": ("worst R@5", "R@1", "mean absolute cosine drift")}
    forgotten, kept, drift = what[chain]
    rows = [["request", "rounds", f"forgotten now: {forgotten} %, mean (worst)",
             f"worst of all forgotten earlier: {forgotten} %, mean (worst)", f"kept: {kept} % (of the first model)",
             f"drift from the first model: {drift}", "resident memory, MB"]]  # fmt: skip
    for position in sorted({row["position"] for row in found}):
        own = [row for row in found if row["position"] == position]
        now, earlier = (
            [row[key] for row in own if row[key] is not None] for key in ("forgotten now", "worst forgotten earlier")
        )
        both = [f"{100 * mean(values):.1f} ({100 * max(values):.1f})" if values else "–" for values in (now, earlier)]
        share = f"{100 * mean(row['kept'] for row in own):.1f} ({100 * mean(row['kept, first model'] for row in own):.1f})"
        memory = f"{min(row['resident_mb'] for row in own):,.0f} to {max(row['resident_mb'] for row in own):,.0f}"
        rows.append([str(position), str(len(own)), *both, share, f"{mean(row['drift'] for row in own):.4f}", memory])
    return markdown_table(rows)


def memory_table(name: str) -> str:
    """Resident memory after each whole round of the soak."""
    found = load(name)["rows"]
    rows = [["round", "minutes since the start", "after the last class, MB", "after the last tuple, MB"]]
    for number in sorted({row["round"] for row in found}):
        last = {
            chain: [row["resident_mb"] for row in found if (row["round"], row["chain"], row["position"]) == (number, chain, 10)]
            for chain in ("classes", "tuples")
        }
        spent = sum(row["seconds"] for row in found if row["round"] <= number) / 60
        cells = [f"{values[0]:,.0f}" if values else "–" for values in last.values()]
        rows.append([str(number + 1), f"{spent:.0f}", *cells])
    return markdown_table(rows)


def in_use_table(name: str) -> str:
    """Resident memory after requests, before and after the allocator gave back what is free."""
    found = load(name)["rows"]
    rows = [["relational requests in one process", "resident, MB", "after malloc_trim, MB"]]
    shown = [row for row in found if row["request"] in (1, 2, 4, 6, 8, 10, len(found))]
    return markdown_table([*rows, *([str(r["request"]), f"{r['resident_mb']:,.0f}", f"{r['in_use_mb']:,.0f}"] for r in shown)])


def precision_table(name: str) -> str:
    """What every precision gives on a GPU; a dash where it is refused."""
    found = load(name)["precisions"]
    rows = [["precision", *PRECISION.values()]]
    for row in found:
        rows.append(
            [row["precision"], *(f"{100 * row[key]:.1f}" if row.get(key) is not None else "refused" for key in PRECISION)]
        )
    return markdown_table(rows)


def exact_table(name: str) -> str:
    """How many methods give the same bits after a stop, on a GPU."""
    found = load(name)["exact-classes"]
    same = sum(row.get("identical", False) for row in found)
    return markdown_table([["on a GPU, stopped and resumed, `deterministic: true`", "runs", "same weights, bit by bit"],
                           ["every class method", str(len(found)), str(same)]])  # fmt: skip


RELIABILITY_TABLES: dict[str, Callable[[str], str]] = {
    "kills": kills_table,
    "refused": bad_inputs_table,
    "fuzzed": fuzz_table,
    "processes": processes_table,
    "requests": soak_table,
    "memory": memory_table,
    "in_use": in_use_table,
    "precisions": precision_table,
    "exact": exact_table,
}
