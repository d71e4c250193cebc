"""Questions about people, with pictures and without: an embedded world, published sets, and files of the user's own."""
