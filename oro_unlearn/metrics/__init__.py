"""Measures of forgetting: torchmetrics on plain tensors."""

from oro_unlearn.metrics.cosine_drift import CosineDrift
from oro_unlearn.metrics.forget_retain_accuracy import ForgetRetainAccuracy
from oro_unlearn.metrics.membership_inference import MembershipInference
from oro_unlearn.metrics.nearest_class_mia import NearestClassMIA, nearest_class
from oro_unlearn.metrics.unlearning_total_variation import UnlearningTotalVariation

__all__ = [
    "CosineDrift",
    "ForgetRetainAccuracy",
    "MembershipInference",
    "NearestClassMIA",
    "UnlearningTotalVariation",
    "nearest_class",
]
