"""Numbered SQL files; each takes the database from the version before to its own."""
