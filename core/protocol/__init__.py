"""What may cross between a front end and the engine: commands, events, rows and their encoding. No I/O."""
