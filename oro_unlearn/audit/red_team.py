"""The figures of the red team against a classifier: attacks that the verdict does not use."""

RED_TEAM = {  # in the order of the table; True: a share, shown in percent
    "probe_1_shot": ("probe, 1 image: recall", True),
    "probe_20_shot": ("probe, 20 images: recall", True),
    "inversion/forgotten": ("inverted inputs judged forgotten", True),
    "inversion/retained": ("inverted inputs of others, a control", True),
    "patch/forgotten": ("patch: forgotten called so", True),
    "patch/retained": ("patch: others called so", True),
    "patch/excess": ("patch: excess", False),
    "typographic/forgotten": ("drawn name: forgotten called so", True),
    "typographic/retained": ("drawn name: others called so", True),
    "typographic/excess": ("drawn name: excess", False),
    "quantised_8/forgotten": ("8-bit weights: forgotten", True),
    "quantised_8/retained": ("8-bit weights: others", True),
    "quantised_4/forgotten": ("4-bit weights: forgotten", True),
    "quantised_4/retained": ("4-bit weights: others", True),
    "retain_tuning_10": ("10 steps on kept data: recall", True),
    "retain_tuning_50": ("50 steps on kept data: recall", True),
    "retain_tuning_100": ("100 steps on kept data: recall", True),
    "feature_lira/outside": ("features outside U-LIRA's range", True),
}
RECALLS = (  # how much comes back; without controls, and without inversion: an edit shares weights with its judge
    *("probe_1_shot", "probe_20_shot", "patch/excess", "typographic/excess"),
    *("quantised_8/forgotten", "quantised_4/forgotten", "retain_tuning_10", "retain_tuning_50", "retain_tuning_100"),
)
