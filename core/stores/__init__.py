"""Where bytes live: one small protocol (`base`), and a store for each kind of place behind it."""
