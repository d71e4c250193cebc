"""Measures of forgetting: torchmetrics metrics and functions on plain tensors."""

from oro_unlearn.metrics.chance import above_chance, fewer
from oro_unlearn.metrics.confidence_histogram import ConfidenceHistogram
from oro_unlearn.metrics.cosine_drift import CosineDrift
from oro_unlearn.metrics.explanation_fidelity import ExplanationFidelity
from oro_unlearn.metrics.explanation_sparsity import ExplanationSparsity
from oro_unlearn.metrics.forget_retain_accuracy import ForgetRetainAccuracy
from oro_unlearn.metrics.membership_inference import MembershipInference, mia
from oro_unlearn.metrics.nearest_class_mia import NearestClassMIA, nearest_class, nn_auc_vs_retrain
from oro_unlearn.metrics.ranking import auc, tpr_at_fpr
from oro_unlearn.metrics.reading import Reading, left_out_distances, reading
from oro_unlearn.metrics.rmia import RMIA, rmia
from oro_unlearn.metrics.tied_ranks import TiedRanks, tied_ranks, wins
from oro_unlearn.metrics.total_variation import total_variation
from oro_unlearn.metrics.u_lira import ULira, logit_margin, u_lira
from oro_unlearn.metrics.unlearning_total_variation import UnlearningTotalVariation

__all__ = [
    "RMIA",
    "ConfidenceHistogram",
    "CosineDrift",
    "ExplanationFidelity",
    "ExplanationSparsity",
    "ForgetRetainAccuracy",
    "MembershipInference",
    "NearestClassMIA",
    "Reading",
    "TiedRanks",
    "ULira",
    "UnlearningTotalVariation",
    "above_chance",
    "auc",
    "fewer",
    "left_out_distances",
    "logit_margin",
    "mia",
    "nearest_class",
    "nn_auc_vs_retrain",
    "reading",
    "rmia",
    "tied_ranks",
    "total_variation",
    "tpr_at_fpr",
    "u_lira",
    "wins",
]
