"""The canvas of every figure: fonts, size, watermark, and the resulting bytes."""

from __future__ import annotations

import io
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

SIMULATED_MARK = "SIMULATED: nothing was measured"
# Any: matplotlib's own type of this is the literal of all its settings.
_STYLE: Any = {
    "svg.hashsalt": "operator-benchmark",  # stable ids: equal records give equal files
    "svg.fonttype": "none",  # text stays searchable and editable
    "font.family": ["DejaVu Sans"],  # the font that the layout is made for
    "font.size": 10.0,
    "axes.titlesize": 11.5,
    "axes.labelsize": 10.0,
    "legend.fontsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_DPI = 144
TITLE_PAD = 10.0
_LETTERS_PER_INCH = 8  # letters of a title per inch


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One figure in both formats, with its caption."""

    name: str  # name of its files without suffix
    title: str
    caption: str
    svg: bytes
    png: bytes


@contextmanager
def canvas(*, width_in: float, height_in: float, is_simulated: bool) -> Iterator[Axes]:
    """The axes of a new figure in the project's style, independent of pyplot."""
    with panels(1, width_in=width_in, height_in=height_in, is_simulated=is_simulated) as (axes,):
        yield axes


@contextmanager
def panels(
    number: int, *, width_in: float, height_in: float, is_simulated: bool
) -> Iterator[tuple[Axes, ...]]:
    """The axes of a new figure, side by side; otherwise as `canvas`."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        drawn = tuple(figure.subplots(1, number, squeeze=False)[0])
        for axes in drawn:
            axes.set_axisbelow(True)
        if is_simulated:
            _watermark(figure)
        yield drawn


def render(axes: Axes, *, name: str, title: str, caption: str, pad: float = TITLE_PAD) -> Drawing:
    """The axes' figure as a drawing, reproducible: without dates or versions.

    `pad` is the distance in points between the axes and their title.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    if len(figure.axes) == 1:
        wrapped = textwrap.fill(title, int(_LETTERS_PER_INCH * figure.get_figwidth()))
        axes.set_title(wrapped, loc="left", y=1.0, fontweight="bold", pad=pad)
    else:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11.5)
    svg = io.BytesIO()
    canvas_of_svg: Any = FigureCanvasSVG(figure)  # Any: its methods have no types
    canvas_of_svg.print_svg(svg, metadata={"Date": None, "Creator": None})
    return Drawing(name=name, title=title, caption=caption, svg=svg.getvalue(), png=_png(figure))


def _png(figure: Figure) -> bytes:
    """The figure with the same layout as its SVG.

    Both are made by their canvases: `savefig` would draw once more for the layout.
    """
    png = io.BytesIO()
    figure.set_layout_engine("none")
    figure.set_dpi(_DPI)
    pixels: Any = FigureCanvasAgg(figure)
    pixels.print_png(png, metadata={"Software": None})
    return png.getvalue()


def operator_colours(order: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """One colour per operator, safe for colour-blind readers and the same in every figure."""
    return dict(zip(order, sns.color_palette("colorblind", len(order)), strict=True))


def _watermark(figure: Figure) -> None:
    style: dict[str, Any] = {"ha": "center", "va": "center", "rotation": 18, "zorder": 10}
    figure.text(0.5, 0.5, SIMULATED_MARK, fontsize=24, color="#b00020", alpha=0.35, **style)
