"""Write the outputs that pages show anew: `python -m docs.build_outputs`, by `make docs`.

Error messages below wrong specs, and what commands print; outputs with an ellipsis stay.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from cnndsl.diagnostics import SpecError
from cnndsl.source import Source
from cnndsl.specs import load
from docs.pages import ELLIPSIS, PAGES, Block, blocks, commands, spec
from docs.play import Played, play


def build() -> None:
    """Refresh every page."""
    for page in PAGES:
        played = Played([], {})
        if any(block.runs for block in blocks(page)):
            with TemporaryDirectory() as folder:
                played = play(page, Path(folder))
        refresh(page, played)


def refresh(page: Path, played: Played) -> None:
    """Replace the page's outputs by those of today."""
    lines = page.read_text(encoding="utf-8").split("\n")
    for block in reversed(blocks(page)):  # from the end, so that line numbers stay right
        text = fresh(block, played)
        if text != block.text:
            end = block.line + block.text.count("\n")
            lines[block.line : end] = text.rstrip("\n").split("\n")
            print(f"{block.name}: written anew")
    page.write_text("\n".join(lines), encoding="utf-8")


def fresh(block: Block, played: Played) -> str:
    """The block's text with the outputs of today."""
    before = block.preceding
    if block.language == "text" and before and before.option("error"):
        return message(before)
    if block.language != "console" or not block.runs:
        return block.text
    parts: list[str] = []
    for number, command in enumerate(commands(block)):
        stays = not command.output or ELLIPSIS in command.output.split("\n")
        output = command.output if stays else played.outputs.get((block.line, number), "")
        parts.append(f"$ {command.words}\n{output}")
    return "".join(parts)


def message(block: Block) -> str:
    """What is printed about a spec with errors; ValueError where it has none."""
    try:
        load(Source("net.cnn", spec(block)))
    except SpecError as e:
        return f"{e}\n"
    raise ValueError(f"{block.name} has no error")


if __name__ == "__main__":
    build()
