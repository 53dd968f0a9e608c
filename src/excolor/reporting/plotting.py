"""The colors and markers by which plots tell things apart."""

# Okabe and Ito's colors, which people with any color vision can tell apart
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<")
"""One more than colors: 56 combinations before any two are alike."""
GRAY = "#808080"
"""For what only stands behind."""
