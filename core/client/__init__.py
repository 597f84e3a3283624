"""The one way in: a front end holds a client and never the engine."""
