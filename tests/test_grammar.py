"""The grammar is unambiguous, by Lark's strict mode, which the parser that users run leaves out."""

from lark import Lark

from cnndsl.resources import grammar_text


def test_no_conflicts_and_no_colliding_terminals() -> None:
    Lark(grammar_text(), parser="lalr", start=["file", "expression"], strict=True)


def test_terminals_have_names() -> None:
    parser = Lark(grammar_text(), parser="lalr", start=["file", "expression"])
    anonymous = [terminal.name for terminal in parser.terminals if terminal.name.startswith("__")]
    assert not anonymous, "name them, or messages speak of __ANON_0"
