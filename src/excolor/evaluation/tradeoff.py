"""Content kept against style reached, one point for each method: no other should lie above and to the right of ours."""

from excolor.evaluation.style_measuring import OWN
from excolor.evaluation.style_summary import AXES, StyleSummary, count_pairs
from excolor.reporting.plotting import COLORS, GRAY, MARKERS, encoded, new_axes

_LABELS = {
    "content": "content kept: mean SSIM of L and of edge maps",
    "style": "style reached: statistics of the encoder and colors in Lab\n(0 the content as it is, 1 the style itself)",
}


def plot(summary: StyleSummary) -> bytes:
    """A figure as PNG: means with their 95 % intervals, excolor's methods filled, and the frontier.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure, axes = new_axes(9, 6)
    for number, (method, means) in enumerate(summary.methods.items()):
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        content, style = (means[axis] for axis in AXES)
        axes.errorbar(
            content.mean,
            style.mean,
            xerr=content.half_width,
            yerr=style.half_width,
            fmt=marker,
            color=color,
            markerfacecolor=color if method in OWN else "white",
            markersize=10 if method in OWN else 8,
            elinewidth=1,
            capsize=3,
            label=method,
        )
    on_it = sorted((summary.methods[m]["content"].mean, summary.methods[m]["style"].mean) for m in summary.frontier)
    axes.plot(*zip(*on_it, strict=True), color=GRAY, linestyle="--", linewidth=1, zorder=1, label="frontier")
    axes.set(xlabel=_LABELS["content"], ylabel=_LABELS["style"])
    axes.set_title(f"Stylization of {count_pairs(summary)}", loc="left")
    axes.set_axisbelow(True)
    axes.grid(color="#E0E0E0")
    figure.legend(loc="outside right upper", frameon=False)
    return encoded(figure, "png")
