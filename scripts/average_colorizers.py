"""Average the weights of colorizers that were trained further from the same one: closer to the truth than either.

    python scripts/average_colorizers.py runs/a/colorizer.safetensors:0.6 runs/b/colorizer.safetensors:0.4 -o OUT

Nets that share a beginning lie in one valley of the loss, and their mean nearer to its floor (Wortsman et al. 2022,
*Model Soups*). OUT is a checkpoint like each of them.
"""

import argparse
from pathlib import Path

from excolor.errors import ExcolorError, SettingError
from excolor.networks.checkpoint import load_colorizer, save_network
from excolor.networks.colorization import ColorizationNet


def main() -> None:
    """Read the arguments, average, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", metavar="FILE:WEIGHT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.output.exists():
        parser.exit(1, f"Error: {arguments.output} exists already; choose another name, or move it away\n")
    try:
        save_network(averaged([part(text) for text in arguments.checkpoints]), arguments.output)
    except ExcolorError as error:
        parser.exit(1, f"Error: {error}\n")


def part(text: str) -> tuple[ColorizationNet, float]:
    """A net and its weight, of `FILE:WEIGHT`."""
    name, _, weight = text.rpartition(":")
    try:
        share = float(weight)
    except ValueError:
        share = 0.0
    if not name or not 0 < share < float("inf"):
        raise SettingError(f"{text}: give a checkpoint and its weight above 0, as in colorizer.safetensors:0.5")
    return load_colorizer(Path(name)), share


def averaged(parts: list[tuple[ColorizationNet, float]]) -> ColorizationNet:
    """The weighted mean; raises SettingError if the nets are not built alike."""
    first, _ = parts[0]
    if any(net.config != first.config for net, _ in parts):
        raise SettingError(
            "the colorizers are not built alike; average those that were trained further from the same one"
        )
    total = sum(weight for _, weight in parts)
    states = [(net.state_dict(), weight / total) for net, weight in parts]
    first.load_state_dict({name: sum(state[name] * share for state, share in states) for name in states[0][0]})
    return first


if __name__ == "__main__":
    main()
