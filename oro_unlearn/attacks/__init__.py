"""Attacks on a classifier by an attacker who has its weights. Most of them work on saved features."""

from oro_unlearn.attacks.linear_probe import LinearProbe, linear_probe
from oro_unlearn.attacks.relearning import relearning_curve
from oro_unlearn.attacks.representation import cka, separation_margin, silhouette
from oro_unlearn.attacks.scores import Scores, collect_scores, load_scores, save_scores

__all__ = [
    "LinearProbe",
    "Scores",
    "cka",
    "collect_scores",
    "linear_probe",
    "load_scores",
    "relearning_curve",
    "save_scores",
    "separation_margin",
    "silhouette",
]
