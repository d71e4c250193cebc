"""Attacks on an edited CLIP model by an attacker who looks for captions that still find what was to be forgotten."""

from oro_unlearn.attacks.relations.caption_search import CaptionScores, Found, search_captions
from oro_unlearn.attacks.relations.evidence import Evidence, Half, halves
from oro_unlearn.attacks.relations.feature_probe import probe_auc
from oro_unlearn.attacks.relations.red_team import EFFORTS, SEED, Attacked, Effort, attack
from oro_unlearn.attacks.relations.relearning import STEPS, Captioned, contrastive, relearn
from oro_unlearn.attacks.relations.removal import (
    AUC_AT_CHANCE,
    FORGOTTEN_R5,
    Removal,
    removal,
    removal_score,
    strongest_caption,
)
from oro_unlearn.attacks.relations.token_search import gradient_search, prompt_search
from oro_unlearn.attacks.relations.weight_evidence import WeightEvidence, weight_evidence
from oro_unlearn.attacks.relations.weights import prune, quantise, shift

__all__ = [
    "AUC_AT_CHANCE",
    "EFFORTS",
    "FORGOTTEN_R5",
    "SEED",
    "STEPS",
    "Attacked",
    "CaptionScores",
    "Captioned",
    "Effort",
    "Evidence",
    "Found",
    "Half",
    "Removal",
    "WeightEvidence",
    "attack",
    "contrastive",
    "gradient_search",
    "halves",
    "probe_auc",
    "prompt_search",
    "prune",
    "quantise",
    "relearn",
    "removal",
    "removal_score",
    "search_captions",
    "shift",
    "strongest_caption",
    "weight_evidence",
]
