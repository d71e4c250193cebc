"""The audit of a classifier, from its logits and features on every split."""

from oro_unlearn.audit.counted_lines import answers, can_tell, collateral
from oro_unlearn.audit.criteria import (
    CLASS_FIGURES,
    Criterion,
    Measure,
    Result,
    class_measures,
    criteria_names,
    exit_code,
    judged,
    read_criteria,
    results_json,
)
from oro_unlearn.audit.figures import (
    Figures,
    Model,
    accuracies,
    attack_models,
    audit_model,
    floor,
    margins,
    rounded,
    utv_of,
)
from oro_unlearn.audit.findings import Asked, Finding, as_json, findings, from_json, rows, unknowing, words
from oro_unlearn.audit.leakage import leakage, leakage_words
from oro_unlearn.audit.line import Line, no_line
from oro_unlearn.audit.outputs_file import check_same_images, read_outputs
from oro_unlearn.audit.range_lines import holm, looks, recovery
from oro_unlearn.audit.run_audit import Edit, audit_run
from oro_unlearn.audit.saved import SavedAudit, judged_apart, judged_json, read_audit, saved_criteria
from oro_unlearn.audit.scoring import LEVELS, attack_features, audited_images, score, scored
from oro_unlearn.audit.tallies import Tallies, Tally, confidences_of, confusion_of, counts_in, counts_of, shares_of, tallied
from oro_unlearn.audit.verdict import Lines, class_lines, forgotten, sentence, verdict_json
from oro_unlearn.audit.verification import (
    SHARES,
    Residue,
    residue,
    verification_json,
    verification_words,
    verified_recovery,
)
from oro_unlearn.metrics.confidence_histogram import LIMIT as CONFIDENCE_LIMIT

__all__ = [
    "CLASS_FIGURES",
    "CONFIDENCE_LIMIT",
    "LEVELS",
    "SHARES",
    "Asked",
    "Criterion",
    "Edit",
    "Figures",
    "Finding",
    "Line",
    "Lines",
    "Measure",
    "Model",
    "Residue",
    "Result",
    "SavedAudit",
    "Tallies",
    "Tally",
    "accuracies",
    "answers",
    "as_json",
    "attack_features",
    "attack_models",
    "audit_model",
    "audit_run",
    "audited_images",
    "can_tell",
    "check_same_images",
    "class_lines",
    "class_measures",
    "collateral",
    "confidences_of",
    "confusion_of",
    "counts_in",
    "counts_of",
    "criteria_names",
    "exit_code",
    "findings",
    "floor",
    "forgotten",
    "from_json",
    "holm",
    "judged",
    "judged_apart",
    "judged_json",
    "leakage",
    "leakage_words",
    "looks",
    "margins",
    "no_line",
    "read_audit",
    "read_criteria",
    "read_outputs",
    "recovery",
    "residue",
    "results_json",
    "rounded",
    "rows",
    "saved_criteria",
    "score",
    "scored",
    "sentence",
    "shares_of",
    "tallied",
    "unknowing",
    "utv_of",
    "verdict_json",
    "verification_json",
    "verification_words",
    "verified_recovery",
    "words",
]
