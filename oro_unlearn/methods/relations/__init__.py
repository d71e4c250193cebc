"""Methods that make a CLIP model forget relations."""
