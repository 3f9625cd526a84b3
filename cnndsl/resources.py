"""Where the grammar, the prelude and the zoo are: beside the package in a repository, inside it in
an installed wheel. And where on this system is kept what can be had again.
"""

import errno
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    """The folder `grammars` or `zoo`. A wheel's own copy wins, since only a wheel has one."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def grammar_text() -> str:
    """The Lark grammar of the language, `grammars/cnn.lark`."""
    return (_folder("grammars") / "cnn.lark").read_text(encoding="utf-8")


def prelude_path() -> Path:
    """The file of the blocks that every spec may use: `inception`, `bottleneck`, …"""
    return _folder("grammars") / "prelude.cnn"


@cache
def prelude_text() -> str:
    """The text of the prelude."""
    return prelude_path().read_text(encoding="utf-8")


@cache
def zoo_names() -> tuple[str, ...]:
    """The names of the nets that come with the package, in a reader's order: resnet50 before
    resnet101.
    """
    names = (path.stem for path in _folder("zoo").glob("*.cnn"))
    return tuple(sorted(names, key=_by_number))


def _by_number(name: str) -> list[tuple[str, int]]:
    """A key that sorts the digits in a name by their value and all else by its letters."""
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D*)(\d*)", name)]


def zoo_path(name: str) -> Path:
    """The spec of the zoo's net `name`.

    Raises LookupError, with the closest names in its message, where the zoo has no such net.
    """
    if name not in zoo_names():
        close = get_close_matches(name, zoo_names(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise LookupError(f"the zoo has no net called {name!r}{hint}")
    return _folder("zoo") / f"{name}.cnn"


def cache_folder() -> Path:
    """Our own folder in the user's cache. Raises OSError where the user has no home."""
    from platformdirs import user_cache_path

    try:
        return user_cache_path("cnndsl", appauthor=False, opinion=False)
    except RuntimeError:
        reason = "there is no home folder, and so no cache: set HOME or XDG_CACHE_HOME"
        raise FileNotFoundError(errno.ENOENT, reason) from None
