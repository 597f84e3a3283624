"""What is remembered: the queue's database, the settings' file, and secrets in the system's keyring."""
