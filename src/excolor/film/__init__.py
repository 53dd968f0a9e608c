"""Short clips in steady colors: shots, colors that follow motion, and files whose other streams stay as they are."""
