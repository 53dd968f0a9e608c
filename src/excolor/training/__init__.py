"""Training; nothing of it is needed to colorize."""
