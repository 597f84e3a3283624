"""A store in this process's memory, with faults that can be scripted: for tests, demonstrations and failure drills."""
