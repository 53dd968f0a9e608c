"""Architectures as data: the roles that a model's checkpoints have, and the network behind each.

A new architecture is an entry here and, for a model of it, one in weights.toml. Nothing here imports torch, so that
roles can be named before a network is loaded: classes are written as "module:name" and resolved when one is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, Literal

from excolor.weights import MAX_WIDTH

Use = Literal["colorize", "pre-colorize", "stylize"]
"""What a model is loaded for; the roles that this needs are the only ones that are fetched and read."""


@dataclass(frozen=True)
class NetworkType:
    """A network that a checkpoint can hold.

    Attributes:
        network: its class, a torch module that is built from a configuration.
        config: the class of the configuration: a frozen dataclass, whose fields have defaults.
        largest: limits of its whole numbers, which are 1 at least. Above them a file is damaged or hostile, and the
            network would exhaust memory.
        importable: state dicts of it are recognized, see `networks.public.formats`.
        added: beginnings of the names of tensors that checkpoints of earlier versions lack, and what to say of those.
    """

    network: str
    config: str
    largest: Mapping[str, int]
    importable: bool = True
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def network_class(self) -> Any:
        """The class of the network."""
        return resolve_name(self.network)

    @property
    def config_class(self) -> Any:
        """The class of its configuration."""
        return resolve_name(self.config)

    def is_within_reason(self, config: Any) -> bool:
        """Whether the network of a configuration can be built without exhausting memory."""
        return all(1 <= getattr(config, name) <= largest for name, largest in self.largest.items())


@dataclass(frozen=True)
class Role:
    """A part that a checkpoint plays in a model.

    Attributes:
        network: the type of network that it holds, a key of NETWORKS.
        uses: what it is needed for.
        required: a model cannot do without it.
        encodes: what is kept of a reference or a style depends on it, so that no other checkpoint can work with that.
    """

    network: str
    uses: tuple[Use, ...]
    required: bool = True
    encodes: bool = False


# By the name that a checkpoint carries in its metadata
NETWORKS: Mapping[str, NetworkType] = {
    "encoder": NetworkType(
        "excolor.networks.encoder:Encoder", "excolor.networks.encoder:EncoderConfig", {"width": MAX_WIDTH}
    ),
    "decoder": NetworkType(
        "excolor.networks.decoder:Decoder", "excolor.networks.decoder:DecoderConfig", {"width": MAX_WIDTH}
    ),
    "matcher": NetworkType(
        "excolor.networks.matcher:Matcher",
        "excolor.networks.matcher:MatcherConfig",
        {"width": MAX_WIDTH, "hidden": 1024},
    ),
    "colorizer": NetworkType(
        "excolor.networks.colorization:ColorizationNet",
        "excolor.networks.colorization:ColorizationConfig",
        {"width": MAX_WIDTH},
    ),
    "semantic": NetworkType(
        "excolor.networks.semantic_colorization:SemanticColorizationNet",
        "excolor.networks.semantic_colorization:SemanticColorizationConfig",
        {"width": MAX_WIDTH},
        importable=False,
        added={
            "places.": "was made by an older version of excolor, without the net that describes places; fetch a newer "
            "one, or train anew, by `excolor train places` and then `excolor train semantic --places`",
            "classes4.": "was made by an older version of excolor, whose net gives one color instead of the "
            "probabilities of many; fetch a newer one, or train anew, by `excolor train semantic --places`",
        },
    ),
    # A part of the one before, which is trained by itself
    "places": NetworkType(
        "excolor.networks.semantic_places:SemanticPlacesNet",
        "excolor.networks.semantic_places:SemanticPlacesConfig",
        {"channels": 4096, "width": 1024, "kind": 1024, "kin": 1024},
        importable=False,
    ),
}


# What training leaves that is a part of a network and no model, by the name of its file: what to say of it, {} its path
PARTS: Mapping[str, str] = {
    "places": "holds no model, only the net that describes places; `excolor train semantic --places {}` makes the model"
}


def name_of(cls: type) -> str:
    """The name in NETWORKS of a network's class, or of its configuration's."""
    path = f"{cls.__module__}:{cls.__qualname__}"
    return next(name for name, network in NETWORKS.items() if path in (network.network, network.config))


# By the id that weights.toml gives; of several that fit a folder, the first counts
ARCHITECTURES: Mapping[str, Mapping[str, Role]] = {
    # The paper's: the transfer sub-net and the colorization sub-net
    "exemplar": {
        "encoder": Role("encoder", ("colorize", "stylize"), encodes=True),
        "decoder": Role("decoder", ("colorize", "stylize"), encodes=True),  # a style may be matched in it
        "matcher": Role("matcher", ("colorize",), required=False, encodes=True),
        "colorizer": Role("colorizer", ("colorize", "pre-colorize")),
    },
    # One network: a backbone that describes targets and references, and a colorization net that reads it
    "semantic": {"semantic": Role("semantic", ("colorize", "pre-colorize"), encodes=True)},
}
