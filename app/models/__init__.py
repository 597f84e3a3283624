"""Qt models over what the session mirrors."""
