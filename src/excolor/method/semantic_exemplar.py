"""The semantic model as a whole: a gray picture and a reference in, every stage out.

    L ──► backbone ──► levels ──► description ──┐
    reference ──► backbone ──► description, ab ─┴─► correspondences ──► hints ──► what is likely ──► decision ──► ab

Shapes as in `method.architecture`, H, W multiples of 32. Of its stages `coarse` are the colors of the similar thing in
the reference, and `hints` those of the similar pixel.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from excolor.errors import SettingError
from excolor.imaging.color import ab_from_network, ab_to_network, rgb_to_lab
from excolor.method.architecture import ExemplarModel, FoundColors, Stages
from excolor.method.hint_reach import HintCovariance, follow_hints, independent_hints
from excolor.method.hints import Hints
from excolor.method.semantic_correspondence import (
    Correspondences,
    Description,
    ReferenceColors,
    best_cosine,
    correspond,
    deep_levels,
    describe_by,
    fit,
    reference_colors,
    side_by_side,
)
from excolor.method.semantic_evenness import evened, whole_affinity
from excolor.method.semantic_expectation import with_expectation, with_found
from excolor.method.semantic_fit import places_shown, share_followed
from excolor.method.semantic_hints import (
    hinted_places,
    semantic_hints,
    things_as_pixels,
    uncertainty,
    with_reference,
)
from excolor.networks.backbone import STRIDE, Levels
from excolor.networks.color_classes import decided_color
from excolor.networks.semantic_colorization import (
    Likely,
    SemanticColorizationNet,
    SemanticHints,
    no_semantic_hints,
)
from excolor.networks.semantic_places import PlaceDescriptors
from excolor.settings import ColorizeSettings

_ALIKE = 0.3  # cosine to a place with a hint, from which on a place follows it as far as the net says
_OVER_THINGS = HintCovariance(noise=0.1, local_share=0.1, unlike=0.3, far=0.8, far_lightness=25.0)
_FEW = 1.5  # independent hints, up to which the net alone spreads them: it knows better what one color is meant for
_MOST_INTERPOLATED = 0.7  # share of the interpolation beside the net where there are ever more
# Chroma beyond that of what is decided for, which is paler than photographs where little speaks for it
_VIVID = 0.2  # of what is invented
_VIVID_MATCHES = 0.03  # where no match speaks for a color of a reference: more of it is more often wrong
_PIXELS_SHARE = 0.7  # see `things_as_pixels`
_TRUST = 0.5  # of the way to certainty that the highest strength lifts what speaks for a match


class _Known(NamedTuple):
    """What was found in targets.

    Attributes:
        levels: of the backbone.
        description: by which they are compared.
        kin: descriptors of places, by which those of one picture are compared.
        alike: the affinity of their places, if `evened` can use it.
    """

    levels: Levels
    description: Description
    kin: Tensor
    alike: Tensor | None


class _Alone(NamedTuple):
    """What holds of targets without a reference.

    Attributes:
        hints: of a person, if there are any.
        likely: by these hints.
    """

    hints: SemanticHints
    likely: Likely


class SemanticExemplarNet(ExemplarModel[ReferenceColors]):
    """Colors for a gray picture from what similar things have in a reference."""

    multiple = STRIDE

    def __init__(self, colorization: SemanticColorizationNet) -> None:
        super().__init__()
        self.colorization = colorization

    def check(self, settings: ColorizeSettings) -> None:
        if settings.match == "statistics" or settings.hint_share < 1:
            raise SettingError(
                "the semantic model knows no statistics and no sparse hints: match by similarity, give it all hints, "
                "or choose a model of the paper's architecture, such as lite",
                settings=("match", "hint_share", "model"),
            )

    def encode_reference(self, rgb: Tensor, visible: Tensor | None = None) -> ReferenceColors:
        lab = rgb_to_lab(rgb)
        return reference_colors(self._describe(lab[:, :1]).description, lab[:, 1:], visible)

    def join_references(self, references: Sequence[ReferenceColors]) -> ReferenceColors:
        if len(references) == 1:
            return references[0]
        joined = side_by_side(references)
        # Of references of one size nothing is hidden, and nothing needs to be looked for
        return joined if joined.hidden is None or joined.hidden.any() else joined._replace(hidden=None)

    def recall(self, lightness: Tensor, ab: Tensor, trust: float, known: _Known | None = None) -> ReferenceColors:
        description = (known or self._describe(lightness)).description
        # Descriptors shorter than 1 lower all cosines, and the net is told that less speaks for these matches
        description = description._replace(places=description.places * trust, grouped=description.grouped * trust)
        return reference_colors(description, ab)

    def examine(self, lightness: Tensor) -> _Known:
        return self._describe(lightness)

    def score(self, lightness: Tensor, references: Sequence[ReferenceColors], known: _Known | None = None) -> Tensor:
        description = (known or self._describe(lightness)).description
        return torch.stack([fit(description, _for(one, len(lightness))) for one in references], dim=1)

    def invent(self, lightness: Tensor, user: Hints | None = None, known: _Known | None = None) -> Tensor:
        known = known or self._describe(lightness)
        return self._invented(lightness, user, known, self._alone(lightness, user, known))

    def forward(
        self,
        lightness: Tensor,
        reference: ReferenceColors,
        settings: ColorizeSettings = ColorizeSettings(),
        user: Hints | None = None,
        known: _Known | None = None,
    ) -> Stages:
        """Colors for targets from a reference; see `ExemplarModel`.

        All matches are given to the net, which is all that it can use: `match` cannot be `statistics`, and `hint_share`
        not less than 1. A reference that shows nothing of a target is hardly followed (`share_followed`). Above a
        strength of 1 matches are trusted more than they deserve, and with them the reference.

        Raises:
            SettingError: a setting is not for this architecture.
        """
        known = known or self._describe(lightness)
        alone = self._alone(lightness, user, known)
        found, followed, share = self._followed(lightness, reference, settings, user, known, alone)
        invented = self._invented(lightness, user, known, alone)
        coarse, fine = (
            F.interpolate(ab, lightness.shape[2:], mode="bilinear", align_corners=False)
            for ab in (found.grouped_ab, found.fine_ab)
        )
        return Stages(invented, coarse, fine, invented.lerp(followed, _weight(share, settings)), share)

    def colors(
        self,
        lightness: Tensor,
        reference: ReferenceColors,
        settings: ColorizeSettings = ColorizeSettings(),
        user: Hints | None = None,
        known: _Known | None = None,
    ) -> FoundColors:
        """See `ExemplarModel`: nothing is invented unless it is mixed in."""
        known = known or self._describe(lightness)
        alone = self._alone(lightness, user, known)
        _, followed, share = self._followed(lightness, reference, settings, user, known, alone)
        weight = _weight(share, settings)
        if weight.min() < 1:
            followed = self._invented(lightness, user, known, alone).lerp(followed, weight)
        return FoundColors(followed, share)

    def _followed(
        self,
        lightness: Tensor,
        reference: ReferenceColors,
        settings: ColorizeSettings,
        user: Hints | None,
        known: _Known,
        alone: _Alone,
    ) -> tuple[Correspondences, Tensor, Tensor]:
        """What is found for targets, ab that follows it, and how far it is to be followed, (N,) in [0, 1].

        Arguments and errors as of `forward`, and `_alone` of these targets and hints.
        """
        self.check(settings)
        description, reference = known.description, _for(reference, len(lightness))
        if user is not None:
            reference = _with_hinted_places(reference, description, user)
        found = correspond(description, reference)
        trusted = _trusted_more(found, settings.strength - 1)
        hints = semantic_hints(things_as_pixels(trusted, _PIXELS_SHARE), alone.hints.user)
        likely = self.colorization.likely(known.levels, hints)
        logits = with_expectation(likely.logits, alone.likely.logits, uncertainty(hints))
        logits = with_found(logits, found.fine_ab, hints.user[:, 2:])
        followed = self._colorize(known, lightness, hints, likely._replace(logits=logits), _VIVID_MATCHES)
        places = places_shown(reference.coarse_ab, reference.hidden)
        return found, followed, share_followed(trusted.cosine, places)

    def follow(
        self,
        ab: Tensor,
        lightness: Tensor,
        reference: ReferenceColors | None,
        settings: ColorizeSettings,
        user: Hints,
        known: _Known | None = None,
    ) -> Tensor:
        """See `ExemplarModel`: what the net makes of hints, and, if they are many, what interpolates them."""
        known = known or self._describe(lightness)
        if settings.hint_reach:
            if reference is None:
                served = self.invent(lightness, user, known)
            else:
                served = self.colors(lightness, reference, settings, user, known).ab
            own = ab
            ab = own.lerp(served * settings.vivid, settings.hint_reach * _likeness_to_hints(known.description, user))
            many = max(0.0, 1 - _FEW / independent_hints(lightness, known.kin, user, _OVER_THINGS))
            if many:
                over_things = follow_hints(own, lightness, known.kin, user, settings.hint_reach, _OVER_THINGS)
                ab = ab.lerp(over_things, settings.hint_reach * _MOST_INTERPOLATED * many)
        return follow_hints(ab, lightness, known.kin, user, reach=0)

    def _describe(self, lightness: Tensor) -> _Known:
        levels = self.colorization.levels(lightness)
        places: PlaceDescriptors = self.colorization.places(deep_levels(levels))
        alike = whole_affinity(places.kin, lightness)
        return _Known(levels, describe_by(places, levels, lightness), places.kin, alike)

    def _alone(self, lightness: Tensor, user: Hints | None, known: _Known) -> _Alone:
        hints = no_semantic_hints(lightness) if user is None else _own_hints(known.description, lightness, user)
        return _Alone(hints, self.colorization.likely(known.levels, hints))

    def _invented(self, lightness: Tensor, user: Hints | None, known: _Known, alone: _Alone) -> Tensor:
        # What a person says for certain leaves less to doubt, and the net's colors are as strong as they should be
        vivid = _VIVID if user is None else torch.where(_certain(user).view(-1, 1, 1, 1), 0.0, _VIVID)
        return self._colorize(known, lightness, *alone, vivid)

    def _colorize(
        self, known: _Known, lightness: Tensor, hints: SemanticHints, likely: Likely, vivid: Tensor | float
    ) -> Tensor:
        """ab (N, 2, H, W), even and by `vivid` more colorful where neither a match nor a person speaks for a color."""
        doubt = uncertainty(hints)
        decided = ab_to_network(decided_color(evened(likely.logits, known.kin, lightness, doubt, known.alike)))
        colors = self.colorization.finer(likely.features, decided, known.levels, lightness, hints)
        return ab_from_network(colors.full) * (1 + vivid * doubt)


def _weight(share: Tensor, settings: ColorizeSettings) -> Tensor:
    """Of colors that follow a reference, beside invented ones, (N, 1, 1, 1): `share` (N,) of the strength, up to 1."""
    return (share * min(settings.strength, 1.0)).view(-1, 1, 1, 1)


def _own_hints(description: Description, lightness: Tensor, user: Hints) -> SemanticHints:
    """A person's hints for pictures without a reference. Those without hints have none."""
    given = _as_given(user)
    present = _certain(user)
    if not present.any():
        return no_semantic_hints(lightness)._replace(user=given)
    found = correspond(description, hinted_places(description, given))
    return with_reference(semantic_hints(found, given), present)


def _as_given(user: Hints) -> Tensor:
    """A person's hints as the net is told of them, (N, 3, H, W)."""
    return torch.cat((user.ab * (user.mask > 0), user.mask), dim=1)


def _with_hinted_places(reference: ReferenceColors, description: Description, user: Hints) -> ReferenceColors:
    """A reference, and beside it the places of the targets themselves that have certain hints."""
    if not _certain(user).any():
        return reference
    return side_by_side([reference, hinted_places(description, _as_given(user))])


def _likeness_to_hints(description: Description, user: Hints) -> Tensor:
    """How far each pixel resembles a place with a hint, (N, 1, H, W) in [0, 1].

    Where nothing does, a hint has nothing to say. Without this the net, given a reference of a few places, lets the
    rest of the picture fade.
    """
    best = best_cosine(description, hinted_places(description, _as_given(user)))
    near = F.interpolate(best, user.mask.shape[2:], mode="bilinear", align_corners=False)
    return (near / _ALIKE).clamp(0, 1)


def _certain(user: Hints) -> Tensor:
    """Which pictures have hints that serve other places, (N,) bool; see `hinted_places`."""
    return user.mask.flatten(1).amax(1) >= 1


def _for(reference: ReferenceColors, count: int) -> ReferenceColors:
    """The reference for a batch of `count` targets."""
    if len(reference.coarse_ab) == count:
        return reference

    def repeated(part: Tensor) -> Tensor:
        return part.expand(count, *part.shape[1:])

    description = type(reference.description)(*(repeated(part) for part in reference.description))
    hidden = None if reference.hidden is None else repeated(reference.hidden)
    return ReferenceColors(description, repeated(reference.coarse_ab), repeated(reference.half_ab), hidden)


def _trusted_more(found: Correspondences, share: float) -> Correspondences:
    """The same colors with more confidence: all that there is if `share` is 1, no more than they have up to 0."""
    if share <= 0:
        return found
    share = _TRUST * min(share, 1.0)
    one = torch.ones_like(found.cosine)
    return replace(
        found,
        grouped_cosine=found.grouped_cosine.lerp(one, share),
        mutuality=found.mutuality.lerp(one, share),
        cosine=found.cosine.lerp(one, share),
        fine_cosine=found.fine_cosine.lerp(torch.ones_like(found.fine_cosine), share),
        spread=found.spread * (1 - share),
    )
