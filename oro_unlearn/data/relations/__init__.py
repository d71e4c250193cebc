"""Pictures with captions: relations of a graph, and the user's own tables of captions."""
