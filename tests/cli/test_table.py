from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from jobctl_cli import table, text
from jobctl_cli.palette import Palette
from jobctl_cli.table import Cell, Column

PLAIN = Palette(False)
COLUMNS = (Column("KEY"), Column("COUNT", right=True), Column("NOTE", least=6))
words = st.text(max_size=30)


def test_columns_stand_below_one_another_and_numbers_at_the_right() -> None:
    shown = table.render(COLUMNS, [["a", "7", "x"], ["abcdef", "1234567", "y"]], PLAIN, None)

    assert shown.splitlines() == ["KEY       COUNT  NOTE", "a             7  x", "abcdef  1234567  y"]


def test_narrow_screen_takes_from_the_column_that_gives_way() -> None:
    shown = table.render(COLUMNS, [["abcdef", "7", "a long note"]], PLAIN, 22)

    assert shown.splitlines()[1] == "abcdef      7  a long…"


def test_pipe_gets_everything() -> None:
    shown = table.render(COLUMNS, [["abcdef", "7", "n" * 500]], PLAIN, None)

    assert "n" * 500 in shown


def test_dense_table_gives_up_its_gaps_first() -> None:
    row = [["abcdef", "7", "a long note"]]

    assert "a long note" in table.render(COLUMNS, row, PLAIN, 24, is_dense=True)
    assert "a long note" not in table.render(COLUMNS, row, PLAIN, 24)


@given(st.lists(st.tuples(words, words, words), max_size=5), st.integers(40, 80))
def test_table_fits_when_its_fixed_columns_do(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column("A", least=5), Column("B", least=5), Column("C", least=5))

    shown = table.render(columns, rows, PLAIN, width)

    assert all(text.columns(line) <= width for line in shown.split("\n"))


@given(st.lists(st.tuples(words, words, words), max_size=5))
def test_colours_do_not_move_anything(rows: list[tuple[str, str, str]]) -> None:
    cells = [[Cell(word, "bold red") for word in row] for row in rows]

    coloured = table.render(COLUMNS, cells, Palette(True), 60)

    bare = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).split("\n")]
    assert bare == table.render(COLUMNS, rows, PLAIN, 60).split("\n")


def test_cells_cannot_send_escape_sequences() -> None:
    assert "\x1b" not in table.render(COLUMNS, [["\x1b[31m", "\n", "\x07"]], PLAIN, None)
