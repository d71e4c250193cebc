"""Methods of the comparison: the preset of each, and the five settings that it is tuned over."""

from itertools import product
from typing import NamedTuple

RATE = "--model.optimizer.lr"
Setting = tuple[tuple[str, str], ...]  # words for the command line: option and value


def rates(*values: float) -> tuple[Setting, ...]:
    """One setting for each learning rate."""
    return tuple(((RATE, f"{value:g}"),) for value in values)


def grid(**options: tuple[object, ...]) -> tuple[Setting, ...]:
    """All combinations of the options' values. ``lr`` is the learning rate; the others are options of the model."""
    names = [RATE if name == "lr" else f"--model.{name}" for name in options]
    return tuple(tuple(zip(names, map(str, values), strict=True)) for values in product(*options.values()))


class Entry(NamedTuple):
    """A method of the comparison, and a row of its tables."""

    label: str
    preset: str  # file name in lightning_configs/methods
    reads: str  # nothing, forget, retain, both (in each step), phases (in turn), subset (of retain), spaces (SVD) or all (once)
    settings: tuple[Setting, ...] = ((),)  # settings that it is tuned over
    words: tuple[str, ...] = ()  # options of every run
    tuned_as: str = ""  # entry whose chosen setting is used; empty: this entry is tuned
    teacher: str = ""  # entry whose model is the teacher; each of the two has half of the budget
    asks: tuple[int, int] = (0, 0)  # extra passes (other networks, other images) for each image of forget and retain set


L1 = (*grid(lr=(1e-2, 1e-1), alpha=(1e-4, 5e-4)), *grid(lr=(3e-2,), alpha=(5e-4,)))
SALIENCY = (*grid(lr=(1e-3, 3e-3, 1.3e-2), density=(0.5,)), *grid(lr=(3e-3, 1.3e-2), density=(0.1,)))
NEGATIVE = (*grid(lr=(3e-3, 1e-2), retain_weight=(0.9, 0.97)), *grid(lr=(1e-2,), retain_weight=(0.999,)))
RESET = (*grid(lr=(3e-2, 1e-1), exponent=(1, 2)), *grid(lr=(2e-1,), exponent=(1,)))
FORGET, BOTH, TWO_TEACHERS = (1, 0), (1, 1), (2, 0)  # extra passes for each image of forget and retain set
EXAMPLES_ALONE = ("--model.forget_images", "none", "--model.search", "whole")
KEPT = ("--model.trunk_statistics", "keep", "--trainer.gradient_clip_val", "null")
AS_MADE = (*KEPT, "--model.fresh", "constructed")
HEAD_FRESH, ALL_FRESH = ("--model.exponent", "1000"), ("--model.exponent", "0")
ENTRIES = {
    "logit_mask": Entry("LogitMask", "logit_mask", "nothing"),
    "fine_tune": Entry("FT", "fine_tune", "retain", rates(1e-3, 1e-2, 3e-2, 1e-1, 3e-1)),
    "random_labels": Entry("RL", "random_labels", "both", rates(3e-4, 1e-3, 3e-3, 1e-2, 3e-2)),
    "gradient_ascent": Entry("GA", "gradient_ascent", "forget", rates(1e-5, 1e-4, 5e-4, 2e-3, 1e-2)),
    "gradient_ascent_bounded": Entry("GA, bounded", "gradient_ascent_bounded", "forget", rates(1e-4, 5e-4, 1e-3, 5e-3, 2e-2)),
    "l1_sparse": Entry("l1-sparse", "l1_sparse", "retain", L1),
    "boundary_shrink": Entry("BU shrink", "boundary_shrink", "forget", rates(1e-5, 1e-4, 1e-3, 3e-3, 1e-2)),
    "boundary_expand": Entry("BU expand", "boundary_expand", "forget", rates(1e-5, 1e-4, 1e-3, 3e-3, 1e-2)),
    "salun": Entry("SalUn", "salun", "both", SALIENCY),
    "svd": Entry("SVD", "svd", "spaces"),
    "closed_form_class": Entry("ClosedForm (ours)", "closed_form_class", "all"),
    "neg_grad_plus": Entry("NegGrad+", "neg_grad_plus", "both", NEGATIVE),
    "scrub": Entry("SCRUB", "scrub", "phases", rates(5e-4, 2e-3, 5e-3, 2e-2, 5e-2)),
    "ssd": Entry("SSD", "ssd", "all", grid(alpha=(5, 15, 50, 150, 500)), ("--model.importance_file", "off")),
    "bad_teacher": Entry("Bad Teacher", "bad_teacher", "both", rates(1e-4, 3e-4, 1e-3, 3e-3, 1e-2), asks=BOTH),
    "unsir": Entry("UNSIR", "unsir", "subset", rates(1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
    "amun": Entry("AMUN, examples alone, ours", "amun", "both", rates(3e-3, 1e-2, 3e-2, 1e-1, 3e-1), EXAMPLES_ALONE),
    "amun_true": Entry("AMUN, as the authors' code", "amun", "both", rates(3e-3, 1e-2, 3e-2, 1e-1, 3e-1), asks=FORGET),
    "cf_k": Entry("CF-k, trunk's statistics kept", "cf_k", "retain", rates(1e-2, 3e-2, 1e-1, 3e-1, 1.0), KEPT),
    "eu_k": Entry("EU-k, trunk's statistics kept", "eu_k", "retain", rates(1e-2, 3e-2, 1e-1, 3e-1, 1.0), AS_MADE),
    "cf_k_code": Entry("CF-k, as the authors' code", "cf_k", "retain", rates(1e-2, 3e-2, 1e-1, 3e-1, 1.0)),
    "eu_k_code": Entry("EU-k, as the authors' code", "eu_k", "retain", rates(1e-2, 3e-2, 1e-1, 3e-1, 1.0)),
    "delete": Entry("DELETE", "delete", "forget", rates(1e-5, 1e-4, 3e-4, 1e-3, 3e-3), asks=FORGET),
    "rwft_o": Entry("RWFT-O, with retained data", "rwft_o", "both", rates(3e-4, 1e-3, 3e-3, 1e-2, 3e-2), asks=FORGET),
    "rwft_2_o": Entry("RWFT-2-O, with retained data", "rwft_2_o", "both", rates(3e-4, 1e-3, 3e-3, 1e-2, 3e-2), asks=FORGET),
    "rw_a": Entry("RW-A, with retained data", "rw_a", "both", rates(3e-4, 1e-3, 3e-3, 1e-2, 3e-2), asks=FORGET),
    "rwft_o_text": Entry("RWFT-O, as in the text", "rwft_o_text", "forget", rates(1e-4, 3e-4, 1e-3, 3e-3, 1e-2), asks=FORGET),
    "rwft_2_o_text": Entry(
        "RWFT-2-O, as in the text", "rwft_2_o_text", "forget", rates(1e-4, 3e-4, 1e-3, 3e-3, 1e-2), asks=FORGET
    ),
    "rw_a_text": Entry("RW-A, as in the text", "rw_a_text", "forget", rates(3e-4, 1e-3, 3e-3, 1e-2, 3e-2), asks=FORGET),
    "graded_reset": Entry("GradedReset (ours)", "graded_reset", "retain", RESET),
    "retrain_short": Entry("Retrain, same budget", "graded_reset", "retain", rates(3e-2, 1e-1, 2e-1, 3e-1, 5e-1), ALL_FRESH),
    "trew": Entry("TREW", "trew", "both", rates(1e-4, 3e-4, 1e-3, 3e-3, 1e-2), asks=FORGET),
}
HALF = ("--model.teacher_weight", "0.5")
VARIANTS = {  # ablations of the paper, and ours; most use the setting that was chosen for the entry they vary
    "rwft_o_max": Entry("RWFT-O, max", "rwft_o", "both", words=("--model.target", "max"), tuned_as="rwft_o", asks=FORGET),
    **{
        f"rwft_layer{stage}": Entry(
            f"RWFT, layer{stage} + fc",
            "rwft_2_o",
            "both",
            (),
            ("--model.update", f"[layer{stage}, fc]"),
            "rwft_2_o",
            asks=FORGET,
        )
        for stage in (1, 2, 3, 4)
    },
    "rwft_eu_k": Entry("RWFT-O, EU-k teacher", "rwft_o", "both", tuned_as="rwft_o", teacher="eu_k", asks=TWO_TEACHERS),
    "rwft_eu_k_mean": Entry("RWFT-O, mean of EU-k and q*", "rwft_o", "both", (), HALF, "rwft_o", "eu_k", TWO_TEACHERS),
    "reset_head": Entry("GradedReset, head alone", "graded_reset", "retain", rates(1e-2, 3e-2, 1e-1, 2e-1, 3e-1), HEAD_FRESH),
    "rwft_fc": Entry("RWFT, fc", "rwft_2_o", "both", words=("--model.update", "[fc]"), tuned_as="rwft_2_o", asks=FORGET),
}
EVERY = {**ENTRIES, **VARIANTS}
GROUPS = {
    "all": list(ENTRIES),
    "layers": [name for name in VARIANTS if name.startswith("rwft_layer") or name == "rwft_fc"],
    "targets": ["rwft_o", "rwft_o_max", "trew"],
    "ours": ["eu_k", "graded_reset", "reset_head", "retrain_short", *(name for name in VARIANTS if VARIANTS[name].teacher)],
}
