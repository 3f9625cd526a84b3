"""Draw `harbour.png`, the picture that the demonstration runs a net on: ours, so free to share.

`python examples/draw_harbour.py` writes it anew, the same every time.
"""

from math import sin
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, HORIZON = 400, 300, 170
SCALE = 4  # drawn larger and shrunk, for smooth edges


def draw() -> Image.Image:
    """A sailing boat before a lighthouse in the evening."""
    picture = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
    pen = ImageDraw.Draw(picture)

    def scaled(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * SCALE, y * SCALE) for x, y in points]

    for y in range(HEIGHT):
        if y < HORIZON:
            share = y / HORIZON
            colour = (int(70 + 180 * share), int(110 + 70 * share), int(190 - 60 * share))
        else:
            share = (y - HORIZON) / (HEIGHT - HORIZON)
            colour = (int(60 - 40 * share), int(110 - 60 * share), int(140 - 60 * share))
        pen.rectangle(scaled((0, y), (WIDTH, y + 1)), fill=colour)

    pen.ellipse(scaled((60, 110), (110, 160)), fill=(255, 214, 120))
    for y in range(HORIZON + 3, HEIGHT, 7):
        reach = 10 + (y - HORIZON) * 0.5
        centre = 85 + 6 * sin(y)
        pen.line(scaled((centre - reach, y), (centre + reach, y)), fill=(230, 180, 110), width=5)

    pen.polygon(scaled((270, 190), (300, 150), (400, 135), (400, 190)), fill=(52, 60, 52))
    pen.polygon(scaled((328, 152), (333, 60), (349, 60), (354, 152)), fill=(238, 232, 222))
    for top in (76, 104, 132):
        pen.polygon(
            scaled((330, top + 14), (331, top), (351, top), (352, top + 14)), fill=(190, 50, 45)
        )
    pen.rectangle(scaled((331, 44), (351, 60)), fill=(255, 236, 150))
    pen.polygon(scaled((328, 45), (341, 32), (354, 45)), fill=(70, 40, 40))

    pen.polygon(scaled((130, 222), (250, 222), (232, 246), (148, 246)), fill=(96, 50, 34))
    pen.line(scaled((190, 222), (190, 84)), fill=(60, 40, 30), width=3 * SCALE)
    pen.polygon(scaled((194, 90), (194, 212), (246, 212)), fill=(245, 240, 228))
    pen.polygon(scaled((186, 102), (186, 212), (142, 212)), fill=(214, 76, 58))
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().quantize(128).save(Path(__file__).parent / "harbour.png", optimize=True)
