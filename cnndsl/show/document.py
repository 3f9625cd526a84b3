"""What all pages and drawings share: one file that needs no other, in light and dark colours."""

from __future__ import annotations

from pathlib import Path

from cnndsl.printing import escape

FOLDER = Path(__file__).parent

THEME = """document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement, wide = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : wide;
  root.dataset.theme = dark ? "light" : "dark";
});
"""
"""Between light and dark, by the button in the head."""


def styles(*more: Path) -> str:
    """The style sheet of all pages and those of one's own."""
    sheets = (FOLDER / "page.css", *more)
    return "".join(sheet.read_text("utf-8") for sheet in sheets)


def document(title: str, subtitle: str, content: str, style: str, script: str = THEME) -> str:
    """A whole HTML document; `content` is HTML, title and subtitle are plain text."""
    name = escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{name.replace("(", "<wbr>(")}</h1>
<p>{escape(subtitle)}</p>
<button id="theme" type="button" aria-label="light or dark">◐</button>
</header>
<main>
{content}
</main>
<script>
{script}</script>
</body>
</html>
"""


def standalone(svg: str, style: str) -> str:
    """A drawing of a page as a file of its own, with the page's colours."""
    colours = style.replace(":root", "svg").replace("<", "&lt;")
    head, body = svg.split(">", 1)
    extra = "svg { background: var(--paper); font-family: system-ui, sans-serif; }"
    namespace = ' xmlns="http://www.w3.org/2000/svg"'
    return f"{head}{namespace}><style>{colours}{extra}</style>{body}\n"
