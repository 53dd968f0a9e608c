"""The networks, one a module, and their checkpoints."""
