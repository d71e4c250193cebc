"""Published tables and speed claims: one short script each, results beside them."""
