"""What targets are given as references."""

import torch
from torch import Generator

from excolor.training.pairs import draw_pairs
from excolor.training.photo_store import Crops, PhotoStore
from excolor.training.recipes import References

COUNT = 200


def drawn(store: PhotoStore, *, same: float = 0, other_crop: float = 0, halves: float = 0, related: float = 0):
    references = References(same, other_crop, halves, related)
    return draw_pairs(store, COUNT, 16, references, Generator().manual_seed(0))


def columns(crops: Crops) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last column, in pixels of the picture."""
    return crops.left, crops.left + 16 * crops.step


def test_the_same_picture_is_mirrored(store: PhotoStore) -> None:
    target, reference = drawn(store, same=1)
    torch.testing.assert_close(store.cut(reference, 16), store.cut(target, 16).flip(3))


def test_another_crop_is_of_the_same_picture(store: PhotoStore) -> None:
    target, reference = drawn(store, other_crop=1)
    assert torch.equal(target.index, reference.index)
    assert (target.left != reference.left).float().mean() > 0.9


def test_halves_have_no_pixel_in_common(store: PhotoStore) -> None:
    target, reference = drawn(store, halves=1)
    assert torch.equal(target.index, reference.index)
    (first, last), (other_first, other_last) = columns(target), columns(reference)
    assert ((last <= other_first + 1e-3) | (other_last <= first + 1e-3)).all()
    for crops, (start, end) in ((target, (first, last)), (reference, (other_first, other_last))):
        assert start.min() >= 0 and (end <= store.widths[crops.index] + 1e-3).all()
        assert (crops.top + 16 * crops.step <= store.heights[crops.index] + 1e-3).all()
    assert 0.3 < (first < other_first).float().mean() < 0.7  # either may be the left one


def test_related_ones_are_of_the_same_source_and_the_rest_is_any(store: PhotoStore) -> None:
    target, reference = drawn(store, related=1)
    assert torch.equal(store.source_start[target.index], store.source_start[reference.index])
    target, reference = drawn(store)
    assert (store.source_start[target.index] != store.source_start[reference.index]).float().mean() > 0.4


def test_shares_are_kept(store: PhotoStore) -> None:
    target, reference = drawn(store, same=0.25, other_crop=0.25, halves=0.25, related=0.25)
    mirrored = (
        (target.left == reference.left) & (target.step == reference.step) & (target.mirrored != reference.mirrored)
    )
    assert 0.15 < mirrored.float().mean() < 0.35
    assert 0.7 < (target.index == reference.index).float().mean() < 0.95  # related ones are themselves, now and then
