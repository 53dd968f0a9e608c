"""TIFF files of several pages, files that are only looked into, and files without a name."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import HEIGHT, WIDTH, assert_same, encoded, exif, levels, names, smooth
from PIL import Image

from excolor.errors import OutputError, PhotoError
from excolor.photo import Photo, SaveSettings, as_photo, encode_photo, open_photo, read_photo, write_photo
from excolor.photo.encoding import encode
from excolor.photo.tags import TagReader

PAGES = [levels(), smooth(), levels(3, dtype=np.uint16)]


@pytest.fixture
def book(tmp_path) -> Path:
    """A thumbnail, then three pages of different kinds and sizes."""
    path = tmp_path / "book.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(levels(size=(3, 4)), subfiletype=1)
        writer.write(PAGES[0], subfiletype=0)
        writer.write(PAGES[1][:6], photometric="rgb", compression="lzw")
        writer.write(PAGES[2], photometric="rgb", extratags=[(274, 3, 1, 6)])
    return path


def test_pages_are_read_one_by_one(book):
    file = open_photo(book)
    assert (file.pages, file.size, file.format, file.path) == (3, (HEIGHT, WIDTH), "TIFF", book)
    assert_same(file.read(), PAGES[0])
    assert_same(read_photo(book), PAGES[0])
    assert_same(file.read(2), PAGES[1][:6])
    assert_same(read_photo(book, page=3), np.ascontiguousarray(np.rot90(PAGES[2], -1)))
    for page in (0, 4):
        with pytest.raises(PhotoError, match=rf"cannot read page {page} of .*book.tif: it has 3"):
            file.read(page)


def test_a_file_of_thumbnails_only_has_them_as_pages(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0], subfiletype=1)
    assert open_photo(tmp_path / "a.tif").pages == 1
    assert_same(read_photo(tmp_path / "a.tif"), PAGES[0])


@pytest.mark.parametrize(("new", "old", "pages"), [(None, 2, 1), (None, 1, 2), (None, 3, 2), (0, 2, 2), (1, 1, 1)])
def test_thumbnails_as_old_programs_mark_them(tmp_path, new, old, pages):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(levels(size=(3, 4)), subfiletype=new or 0, extratags=[(255, 3, 1, old)])
        writer.write(PAGES[0])
    if new is None:  # tifffile writes one in any case
        with path.open("r+b") as file:
            reader = TagReader(file)
            file.seek(reader.directory(reader.first).entries[254].position)
            file.write(b"\xfd")  # 253, which means nothing
    file = open_photo(path)
    assert file.pages == pages
    assert_same(file.read(pages), PAGES[0])


def test_pages_are_written_as_they_come(book, tmp_path):
    file = open_photo(book)
    seen = []

    def pages():
        for number in (1, 2, 3):
            seen.append(number)
            yield file.read(number)

    path = write_photo(pages(), tmp_path / "copy.tif")
    assert seen == [1, 2, 3]
    copy = open_photo(path)
    assert copy.pages == 3
    for number in (1, 2, 3):
        assert_same(copy.read(number), file.read(number).pixels)


def test_a_failing_page_leaves_no_file(tmp_path):
    def pages():
        yield as_photo(PAGES[0])
        raise PhotoError("page 2 is damaged")

    with pytest.raises(PhotoError, match="page 2 is damaged"):
        write_photo(pages(), tmp_path / "a.tif")
    assert names(tmp_path) == []


@pytest.mark.parametrize("known", ["list", "bytes", "nothing"])
def test_a_bigtiff_where_later_pages_are_larger(tmp_path, monkeypatch, known):
    photos = [Photo(levels()), Photo(levels(3, dtype=np.uint16), levels(dtype=np.uint16))]
    size = HEIGHT * WIDTH * (1 + 4 * 2)
    monkeypatch.setattr("excolor.photo.tiff.writing._BIG", size - 1)
    pages = photos if known == "list" else iter(photos)
    path = write_photo(pages, tmp_path / "a.tif", expected_bytes=size if known == "bytes" else 0)
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff == (known != "nothing")
    assert_same(read_photo(path, page=2), photos[1].pixels, photos[1].alpha)


@pytest.mark.parametrize("end", [(1 << 32) - 150, (1 << 32) + 10], ids=["within a page", "before a page"])
def test_more_pages_than_a_tiff_holds_are_an_error(tmp_path, end):
    with (tmp_path / "a.tif").open("w+b") as file:

        def pages():
            yield Photo(levels())
            file.truncate(end)  # a hole, which takes no room on the disk
            file.seek(end)
            yield Photo(levels())

        with pytest.raises(OutputError, match=r"TIFF holds at most 4 GiB, .* write fewer pages a file"):
            encode(file, pages(), tmp_path / "a.tif", SaveSettings())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_other_formats_hold_one_page(tmp_path, suffix):
    photos = [as_photo(PAGES[0]), as_photo(PAGES[1])]
    with pytest.raises(OutputError, match=r"holds one page and there are several; choose one of them, or write TIFF"):
        write_photo(photos, tmp_path / f"a{suffix}")
    assert names(tmp_path) == []
    assert read_photo(write_photo(photos[:1], tmp_path / f"a{suffix}")).size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP", "GIF"])
def test_looking_into_a_file(tmp_path, format_):
    options = {} if format_ == "GIF" else {"exif": exif(6)}
    path = tmp_path / "a.bin"
    path.write_bytes(encoded(Image.fromarray(smooth()), format_, **options))
    file = open_photo(path)
    assert (file.format, file.pages) == (format_, 1)
    assert file.size == file.read().size == ((WIDTH, HEIGHT) if options else (HEIGHT, WIDTH))


def test_a_stream_is_as_good_as_a_file():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    data = encoded(Image.fromarray(smooth()), "PNG")
    file = open_photo(Pipe(data))
    assert file.path is None
    assert_same(file.read(), smooth())
    assert_same(file.read(), smooth())
    assert_same(read_photo(Pipe(data)), smooth())
    with pytest.raises(PhotoError, match=r"cannot read the picture: the PNG is damaged"):
        read_photo(Pipe(data[:60]))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_bytes_are_those_of_the_file(tmp_path, suffix):
    photo = Photo(smooth())
    assert encode_photo(photo, suffix) == photo.save(tmp_path / f"a{suffix}").read_bytes()


def test_pages_that_are_cut_off_are_missed(book):
    data = book.read_bytes()
    with tifffile.TiffFile(book) as tiff:
        last = tiff.pages[3].offset
    book.write_bytes(data[: last + 1])
    file = open_photo(book)
    assert file.pages == 3
    assert_same(file.read(2), PAGES[1][:6])
    with pytest.raises(PhotoError, match=r"page 3 of .*book.tif: the file is damaged or cut short there; copy it aga"):
        file.read(3)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_no_cut_loses_pages_silently(tmp_path, compression):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(4):
            writer.write(levels(size=(40, 40)), compression=compression)
    data = path.read_bytes()
    for length in range(100, len(data), 97):
        path.write_bytes(data[:length])
        try:
            file = open_photo(path)
            read = [file.read(number) for number in range(1, file.pages + 1)]
        except PhotoError:
            continue
        assert len(read) == 4, f"{length} of {len(data)} bytes"


def test_what_a_file_asks_of_memory(tmp_path, book):
    assert open_photo(book).load == 2 * PAGES[2].shape[0] * PAGES[2].shape[1]
    for array, factor in ((levels(), 1), (levels(3), 1), (levels(dtype=np.uint16), 2), (PAGES[2], 2)):
        assert open_photo(as_photo(array).save(tmp_path / "a.png", overwrite=True)).load == factor * HEIGHT * WIDTH
