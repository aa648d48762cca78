"""The elements of an SVG picture; every text and attribute is escaped here."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from run_scenario.errors import UsageError
from run_scenario.report.text import sanitize, truncate

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_WIDE = 0.56
"""Width of a character, as a part of its size, on average."""
_LONGEST = 300


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, in pixels."""
    return len(sanitize(text)) * size * _WIDE


def truncate_to(text: str, width: float, size: float) -> str:
    """Return as much of a text as fits into a width in pixels; nothing if that is too little to be read."""
    most = int(width / (size * _WIDE))
    return truncate(sanitize(text), most) if most >= 4 else ""


class Svg:
    """A picture that is being drawn; all numbers are pixels."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[str] = []

    def add(self, name: str, content: str | None = None, **attributes: object) -> None:
        """Add an element; `content` is text, or becomes its tooltip if it has none of its own."""
        pairs = "".join(f" {key.replace('_', '-')}={quoteattr(_attribute(value))}" for key, value in attributes.items())
        if content is None:
            self._parts.append(f"<{name}{pairs}/>")
        elif name == "text":
            self._parts.append(f"<text{pairs}>{_text(content)}</text>")
        else:
            self._parts.append(f"<{name}{pairs}><title>{_text(content)}</title></{name}>")

    def text(self, x: float, y: float, content: str, size: float = 12, fill: str = "#222222", **more: object) -> None:
        """Add text that begins at `x` and stands on `y`."""
        self.add("text", content, x=x, y=y, font_size=size, fill=fill, **more)

    def clip(self, name: str, x: float, y: float, width: float, height: float) -> str:
        """Define a part of the picture; return what an element's `clip_path` must be to be seen only there."""
        part = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        self._parts.append(f'<clipPath id="{name}">{part}</clipPath>')
        return f"url(#{name})"

    def rendered(self, width: float, height: float) -> str:
        """Return the file: it refers to nothing outside of itself."""
        marker = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#555555"/></marker></defs>'
        )
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img">'
        white = '<rect width="100%" height="100%" fill="#ffffff"/>'
        body = "\n".join(self._parts)
        return f"{head}\n<title>{_text(self._title)}</title>\n{marker}\n{white}\n{body}\n</svg>\n"


def _text(content: str) -> str:
    return escape(truncate(sanitize(content), _LONGEST))


def _attribute(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def png(svg: str) -> bytes:
    """Return the picture as PNG, twice as fine as it is on a screen.

    Raises:
        UsageError: what that needs is not installed.
    """
    try:
        import cairosvg
    except ImportError:
        raise UsageError("PNG needs cairosvg: pip install 'run-scenario[png]'; or write .svg") from None
    except OSError:
        raise UsageError(
            "PNG needs the library cairo (Debian: libcairo2, macOS: brew install cairo); or write .svg"
        ) from None
    data: bytes = cairosvg.svg2png(bytestring=svg.encode(), scale=2)
    return data
