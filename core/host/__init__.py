"""Where an engine lives: its process, how to find or start one, and the command line."""
