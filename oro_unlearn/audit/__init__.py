"""One audit of a classifier, from what it says and sees on every split."""

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
from oro_unlearn.audit.findings import as_json, findings, rows, unknowing, words
from oro_unlearn.audit.outputs_file import check_same_images, read_outputs
from oro_unlearn.audit.scoring import attack_features, prepared, score, scored

__all__ = [
    "Figures",
    "Model",
    "accuracies",
    "as_json",
    "attack_features",
    "attack_models",
    "audit_model",
    "check_same_images",
    "findings",
    "floor",
    "margins",
    "prepared",
    "read_outputs",
    "rounded",
    "rows",
    "score",
    "scored",
    "unknowing",
    "utv_of",
    "words",
]
