"""Without matplotlib everything but plots works, and whoever asks for a plot learns in time what is missing."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from excolor.cli.main import main
from excolor.errors import MissingPackageError
from excolor.reporting.plotting import check_plotting, new_axes


@pytest.fixture
def _no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # imports fail


@pytest.mark.usefixtures("_no_matplotlib")
def test_the_error_tells_how_to_install_it() -> None:
    for draw in (check_plotting, lambda: new_axes(1, 1)):
        with pytest.raises(MissingPackageError, match="pip install matplotlib"):
            draw()


@pytest.mark.usefixtures("_no_matplotlib")
def test_bench_says_so_before_it_measures(tmp_path: Path) -> None:
    path = tmp_path / "time.png"
    result = CliRunner().invoke(main, ["bench", "--plot", str(path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: plots need matplotlib, which is not installed; run pip install matplotlib "
        "(or, where excolor's source is, pip install '.[plot]')"
    ]
    assert not path.exists()


@pytest.mark.usefixtures("_no_matplotlib")
def test_sheets_need_no_matplotlib(tmp_path: Path, target: Path, reference: Path) -> None:
    words = ["figure", "references", target, "--ref", reference, "--working-size", 64, "--tile", 64]
    result = CliRunner().invoke(main, [*map(str, words), "-o", str(tmp_path / "sheet.png")])
    assert result.exit_code == 0, result.output


def test_plots_are_drawn_where_it_is_installed() -> None:
    figure, axes = new_axes(2, 1)
    assert figure.axes == [axes]
