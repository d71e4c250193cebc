"""Attacks on a classifier by an attacker who has its weights. Most of them work on saved features."""

from oro_unlearn.attacks.epsilon_bound import EpsilonBound, epsilon_bound
from oro_unlearn.attacks.linear_probe import LinearProbe, linear_probe
from oro_unlearn.attacks.quantisation import quantise
from oro_unlearn.attacks.relearning import relearning_curve
from oro_unlearn.attacks.representation import cka, separation_margin, silhouette
from oro_unlearn.attacks.scores import Scores, collect_scores, load_scores, save_scores

__all__ = [
    "EpsilonBound",
    "LinearProbe",
    "Scores",
    "cka",
    "collect_scores",
    "epsilon_bound",
    "linear_probe",
    "load_scores",
    "quantise",
    "relearning_curve",
    "save_scores",
    "separation_margin",
    "silhouette",
]
