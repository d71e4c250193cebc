"""Measures of forgetting: torchmetrics metrics and functions on plain tensors."""

from oro_unlearn.metrics.answer_probability import AnswerProbability
from oro_unlearn.metrics.chance import above_chance, fewer
from oro_unlearn.metrics.choice_accuracy import ChoiceAccuracy
from oro_unlearn.metrics.confidence_histogram import ConfidenceHistogram
from oro_unlearn.metrics.cosine_drift import CosineDrift
from oro_unlearn.metrics.exact_match import ExactMatch, plain_answer
from oro_unlearn.metrics.explanation_fidelity import ExplanationFidelity
from oro_unlearn.metrics.explanation_sparsity import ExplanationSparsity
from oro_unlearn.metrics.forget_retain_accuracy import ForgetRetainAccuracy
from oro_unlearn.metrics.keyword_accuracy import KeywordAccuracy
from oro_unlearn.metrics.membership_inference import MembershipInference, mia
from oro_unlearn.metrics.nearest_class_mia import NearestClassMIA, nearest_class, nn_auc_vs_retrain
from oro_unlearn.metrics.ranking import auc, tpr_at_fpr
from oro_unlearn.metrics.reading import Reading, left_out_distances, reading
from oro_unlearn.metrics.rmia import RMIA, rmia
from oro_unlearn.metrics.rouge_scores import RougeScores
from oro_unlearn.metrics.tied_ranks import TiedRanks, tied_ranks, wins
from oro_unlearn.metrics.total_variation import total_variation
from oro_unlearn.metrics.truth_ratio import TruthRatio
from oro_unlearn.metrics.u_lira import ULira, logit_margin, u_lira
from oro_unlearn.metrics.unlearning_total_variation import UnlearningTotalVariation

__all__ = [
    "RMIA",
    "AnswerProbability",
    "ChoiceAccuracy",
    "ConfidenceHistogram",
    "CosineDrift",
    "ExactMatch",
    "ExplanationFidelity",
    "ExplanationSparsity",
    "ForgetRetainAccuracy",
    "KeywordAccuracy",
    "MembershipInference",
    "NearestClassMIA",
    "Reading",
    "RougeScores",
    "TiedRanks",
    "TruthRatio",
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
    "plain_answer",
    "reading",
    "rmia",
    "tied_ranks",
    "total_variation",
    "tpr_at_fpr",
    "u_lira",
    "wins",
]
