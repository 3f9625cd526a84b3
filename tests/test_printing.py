"""Text on its way out: no character that a terminal acts on, valid pages and JSON, colours."""

from __future__ import annotations

import io
import json
import unicodedata
from xml.etree import ElementTree

import pytest

from cnndsl.printing import MARK, coloured, escape, is_live, json_text, printable
from tests.support.names import HOSTILE_NAME, acted_on

SHOWN = (
    "café, Ünïcödé, हिन्दी, عربى \u0601, ไทย, 日本語\u3000全角, "
    "\xa0½ × → 🙂, 👨\u200d👩\u200d👧, می\u200cخواهم"
)


def test_nothing_that_is_acted_on_stays_and_all_else_does() -> None:
    for number in range(0x110000):
        character = chr(number)
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp"):
            assert printable(character) == MARK, hex(number)
        elif category not in ("Cf", "Cn"):
            assert printable(character) == character, hex(number)
    for character in "\u200b\u2060\ufeff\xad\u202e\u2066\u200e\u200d\u200c\U000e0041\ufffe":
        assert printable(f"a{character}b") == f"a{MARK}b", hex(ord(character))
    assert printable(SHOWN) == SHOWN
    assert printable("a\n\tb\x1b", "\n\t") == f"a\n\tb{MARK}"


def test_a_page_shows_any_name_and_stays_valid() -> None:
    text = escape(f'{HOSTILE_NAME}<b a="\'">&')
    assert not acted_on(text.replace("\t", ""))
    element = ElementTree.fromstring(f'<svg title="{text}">{text}</svg>')
    assert element.text == printable(f'{HOSTILE_NAME}<b a="\'">&', "\n\t")


def test_json_keeps_every_name_and_shows_none_raw() -> None:
    name = HOSTILE_NAME.replace("\udcff", "")
    text = json_text({"name": name, "other": SHOWN}, indent=2)
    assert not acted_on(text)
    assert json.loads(text) == {"name": name, "other": SHOWN}
    assert json.loads(json_text(["\udcff", "\U000e0041"])) == [MARK, "\U000e0041"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "on_a_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "0"}, False, False),  # any value that isn't empty
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "3"}, True, True),
    ],
)
def test_when_there_are_colours(
    variables: dict[str, str],
    on_a_terminal: bool,
    elsewhere: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (coloured(Terminal()), coloured(io.StringIO())) == (on_a_terminal, elsewhere)


def test_a_dumb_terminal_has_no_lines_that_are_written_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert (is_live(Terminal()), is_live(io.StringIO())) == (True, False)
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live(Terminal())
