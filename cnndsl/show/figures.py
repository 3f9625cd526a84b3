"""Numbers as people read them. What isn't known is `?` everywhere, never 0."""

from __future__ import annotations

from fractions import Fraction

UNKNOWN = "?"
NONE = "·"
EIGHTHS = " ▏▎▍▌▋▊▉"


def grouped(number: int | None, none: str = "0") -> str:
    """`138,357,544`; `none` stands for 0."""
    if number is None:
        return UNKNOWN
    return f"{number:,}" if number else none


def scaled(number: int | None) -> str:
    """Three digits and a decimal prefix: `15.5 G`, `720 k`, `84`."""
    if number is None:
        return UNKNOWN
    return _scaled(number, 1000, ("", " k", " M", " G", " T", " P"))


def size(count: int | None) -> str:
    """Bytes in binary units: `527.8 MiB`, `720 bytes`."""
    if count is None:
        return UNKNOWN
    if count < 1024:
        return f"{count} byte{'s' * (count != 1)}"
    return _scaled(count, 1024, (" bytes", " KiB", " MiB", " GiB", " TiB", " PiB"))


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    value, unit = float(number), 0
    while value >= 999.5 and unit + 1 < len(units):
        value, unit = value / base, unit + 1
    if unit == 0:
        return f"{number}{units[0]}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{units[unit]}"


def percent(part: int | None, whole: int | None) -> str:
    """`12.3 %`, `<0.1 %`; unknown where the whole is unknown or 0."""
    if part is None or not whole:
        return UNKNOWN
    share = 100 * part / whole
    return "<0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def share(part: int | None, whole: int | None) -> float | None:
    """A part between 0 and 1; None where it is unknown."""
    return None if part is None or not whole else part / whole


def ratio(value: int | None, first: int | None) -> str:
    """`×0.184` compared with the first, `÷38.2` where it is much less."""
    if value is None or not first:
        return UNKNOWN
    times = value / first
    if 0 < times < 0.1:
        return f"÷{_three_digits(1 / times)}"
    return f"×{_three_digits(times)}"


def _three_digits(value: float) -> str:
    digits = 3 if value < 0.9995 else 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f}"


def bar(part: float, width: int) -> str:
    """A bar of at most `width` characters, in eighths of one; the least bit shows."""
    eighths = max(round(part * width * 8), 1) if part > 0 else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def plain(value: Fraction | int) -> int | float:
    """A whole number as an int, any other rounded to four digits."""
    return value.numerator if value.denominator == 1 else round(float(value), 4)


def signed(value: Fraction | int) -> str:
    """`3`, `−0.25`, with a minus sign that is one."""
    return f"{plain(value):g}".replace("-", "−")
