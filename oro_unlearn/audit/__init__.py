"""The audit of a classifier, from its logits and features on every split."""

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
from oro_unlearn.audit.findings import Asked, as_json, findings, from_json, rows, unknowing, words
from oro_unlearn.audit.outputs_file import check_same_images, read_outputs
from oro_unlearn.audit.run_audit import Edit, audit_run
from oro_unlearn.audit.scoring import LEVELS, attack_features, audited_images, score, scored

__all__ = [
    "LEVELS",
    "Asked",
    "Edit",
    "Figures",
    "Model",
    "accuracies",
    "as_json",
    "attack_features",
    "attack_models",
    "audit_model",
    "audit_run",
    "audited_images",
    "check_same_images",
    "findings",
    "floor",
    "from_json",
    "margins",
    "read_outputs",
    "rounded",
    "rows",
    "score",
    "scored",
    "unknowing",
    "utv_of",
    "words",
]
