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
from oro_unlearn.audit.scoring import attack_features, prepared, score, scored

__all__ = [
    "Figures",
    "Model",
    "accuracies",
    "attack_features",
    "attack_models",
    "audit_model",
    "floor",
    "margins",
    "prepared",
    "rounded",
    "score",
    "scored",
    "utv_of",
]
