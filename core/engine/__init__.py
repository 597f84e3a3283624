"""Commands become decisions, decisions become transfers, and everyone who watches is told."""
