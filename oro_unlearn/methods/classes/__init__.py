"""Methods that forget classes of an image classifier."""
