"""The machine that the networks run on."""
