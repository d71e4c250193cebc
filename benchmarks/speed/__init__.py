"""Speed, as ratios measured in one run: one script a claim."""
