"""The embedded world `scenes`: small drawn pictures of (subject, relation, object)."""
