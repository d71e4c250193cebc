"""Attacks on an edited CLIP model by an attacker with captions and pictures, who looks for what was to be forgotten."""

from oro_unlearn.attacks.relations.alterations import MIXTURES, crops, mixture, occlusions
from oro_unlearn.attacks.relations.attacked_pictures import Pictures, Shown, load_pictures
from oro_unlearn.attacks.relations.caption_families import FAMILIES, families, search_family
from oro_unlearn.attacks.relations.caption_search import CaptionScores, Found, search_captions
from oro_unlearn.attacks.relations.evidence import Evidence, Half, halves
from oro_unlearn.attacks.relations.feature_probe import probe_auc
from oro_unlearn.attacks.relations.outside_words import outside_words
from oro_unlearn.attacks.relations.picture_attacks import ATTACKS as PICTURE_ATTACKS
from oro_unlearn.attacks.relations.picture_attacks import Target, altered, image_query, picture_figures, pushed_pictures
from oro_unlearn.attacks.relations.pixel_push import pushed
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
    "FAMILIES",
    "FORGOTTEN_R5",
    "MIXTURES",
    "PICTURE_ATTACKS",
    "SEED",
    "STEPS",
    "Attacked",
    "CaptionScores",
    "Captioned",
    "Effort",
    "Evidence",
    "Found",
    "Half",
    "Pictures",
    "Removal",
    "Shown",
    "Target",
    "WeightEvidence",
    "altered",
    "attack",
    "contrastive",
    "crops",
    "families",
    "gradient_search",
    "halves",
    "image_query",
    "load_pictures",
    "mixture",
    "occlusions",
    "outside_words",
    "picture_figures",
    "probe_auc",
    "prompt_search",
    "prune",
    "pushed",
    "pushed_pictures",
    "quantise",
    "relearn",
    "removal",
    "removal_score",
    "search_captions",
    "search_family",
    "shift",
    "strongest_caption",
    "weight_evidence",
]
