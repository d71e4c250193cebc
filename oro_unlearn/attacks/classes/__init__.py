"""Attacks on an edited classifier by a red team: with the weights, with few images, or with none of the forgotten classes."""

from oro_unlearn.attacks.classes.drawn_names import named, typographic_attack
from oro_unlearn.attacks.classes.feature_lira import FEWEST, centroid_margins, feature_lira, feature_lira_of
from oro_unlearn.attacks.classes.inversion import Inversion, inversion, invert
from oro_unlearn.attacks.classes.patches import Marked, patch_attack, patched, side_of, universal_patch
from oro_unlearn.attacks.classes.pixels import PixelRange, pixel_range
from oro_unlearn.attacks.classes.red_team import EFFORTS, SEED, Effort, Target, attack_classifier, red_team_json
from oro_unlearn.attacks.classes.retain_tuning import retain_tuning_curve

__all__ = [
    "EFFORTS",
    "FEWEST",
    "SEED",
    "Effort",
    "Inversion",
    "Marked",
    "PixelRange",
    "Target",
    "attack_classifier",
    "centroid_margins",
    "feature_lira",
    "feature_lira_of",
    "inversion",
    "invert",
    "named",
    "patch_attack",
    "patched",
    "pixel_range",
    "red_team_json",
    "retain_tuning_curve",
    "side_of",
    "typographic_attack",
    "universal_patch",
]
