"""How close results come to the truth: the color of photographs is hidden, brought back, and compared.

    pictures -> protocols (what is the target, what the reference) -> measuring -> summary, sheet

Pictures are (H, W, 3) float32 arrays of sRGB in [0, 1].
"""
