"""Pictures as numbers: color, the size that networks see, and the return to full size."""
