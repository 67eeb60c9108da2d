"""Text tables: every fault of a file's form is located, and each cell has one problem at most."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphabet import ANY
from chainpolicy.study import tabular
from chainpolicy.study.problems import Problem, did_you_mean, in_reading_order, nearest
from chainpolicy.study.tabular import (
    Schema,
    cell,
    one_of,
    parse_date,
    parse_dates,
    parse_number,
    parse_numbers,
    read_table,
)

SCHEMA: Schema = {
    "name": cell(required=True, blank=False),
    "size": cell(
        (lambda text: parse_numbers(text).notna(), "a number"),
        (lambda text: parse_numbers(text) > 0, "a positive number"),
        required=True,
    ),
    "kind": cell(one_of("a", "b")),
}


def read(path: Path, content: bytes | str) -> tuple[pd.DataFrame, list[Problem]]:
    file = path / "table.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    problems: list[Problem] = []
    table = read_table(file, SCHEMA, ["name"], problems)
    return table, in_reading_order(problems)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("table")


def places(problems: list[Problem]) -> list[tuple[int | None, str | None, str | None]]:
    return [(problem.line, problem.column, problem.value) for problem in problems]


def test_text_is_kept_as_text_with_its_physical_line(tmp_path):
    table, problems = read(tmp_path, 'name,size,extra\nx,007,NA\n\n"y\nz", 1.50 ,\nw,2,q\n')
    assert problems == []
    assert table.index.tolist() == [2, 4, 6]
    assert table.index.name == "line"
    assert table["size"].tolist() == ["007", "1.50", "2"]
    assert table["extra"].tolist() == ["NA", "", "q"]
    assert table["name"].tolist() == ["x", "y\nz", "w"]


def test_a_known_column_that_is_not_there_is_blank(tmp_path):
    table, problems = read(tmp_path, "name,size\nx,1\n")
    assert problems == []
    assert table["kind"].tolist() == [""]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_byte_order_mark_and_any_line_end_are_accepted(tmp_path, mark, end):
    table, problems = read(tmp_path, mark + end.join([b"name,size", b"x,1", b"", b"y,2", b""]))
    assert problems == []
    assert table["name"].to_dict() == {2: "x", 4: "y"}


def test_a_file_that_is_not_there(tmp_path):
    problems: list[Problem] = []
    table = read_table(tmp_path / "table.csv", SCHEMA, ["name"], problems)
    assert table.empty
    assert list(table) == ["name", "size", "kind"]
    assert places(problems) == [(None, None, None)]
    assert "there is none" in str(problems[0])


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "table.csv").mkdir()
    problems: list[Problem] = []
    read_table(tmp_path / "table.csv", SCHEMA, ["name"], problems)
    assert "a regular file; this is a folder" in str(problems[0])


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n", b" , \n", b"\nname,size\nx,1\n"])
def test_no_header(tmp_path, content):
    table, problems = read(tmp_path, content)
    assert table.empty
    assert [problem.line for problem in problems] == [1]
    assert "a header with the columns name, size" in str(problems[0])


def test_a_header_alone_is_not_enough(tmp_path):
    _, problems = read(tmp_path, "name,size\n")
    assert str(problems[0]) == "table.csv: expected at least one row below the header"
    assert len(problems) == 1


def test_every_missing_column_is_named_with_what_it_may_be_called(tmp_path):
    _, problems = read(tmp_path, "Name,b\nx,1\n")
    assert places(problems) == [(1, "name", None), (1, "size", None)]
    assert 'is it the one called "Name"?' in str(problems[0])


def test_other_columns_are_checked_although_one_is_missing(tmp_path):
    _, problems = read(tmp_path, "size,kind\n-1,a\n2,c\n")
    assert places(problems) == [(1, "name", None), (2, "size", "-1"), (3, "kind", "c")]


def test_a_repeated_and_a_blank_column_name(tmp_path):
    table, problems = read(tmp_path, "name,size,name,\nx,1,y,\n")
    assert places(problems) == [(1, "column 3", "name"), (1, "column 4", "")]
    assert table["name"].tolist() == ["x"]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_one_problem(tmp_path, separator):
    _, problems = read(tmp_path, separator.join(["name", "size"]) + "\nx;1\ny;2\n")
    assert [problem.line for problem in problems] == [1]
    assert "separated by commas" in str(problems[0])


@pytest.mark.parametrize(
    "first", ["# my own data", "sep=,", "name|size|kind", "\x00n\x00a\x00m\x00e,\x00s"]
)
def test_a_first_line_that_is_no_header_is_one_problem(tmp_path, first):
    _, problems = read(tmp_path, f"{first}\nname,size\nx,1\ny,0\n")
    assert places(problems) == [(1, None, first.replace("\0", r"\x00"))]
    assert "a header with the columns name, size, separated by commas" in str(problems[0])


def test_a_header_in_capitals_keeps_its_hints_and_its_rows(tmp_path):
    _, problems = read(tmp_path, "NAME,SIZE,kind\nx,1,c\n")
    assert places(problems) == [(1, "name", None), (1, "size", None), (2, "kind", "c")]
    assert 'is it the one called "NAME"?' in str(problems[0])


def test_a_line_of_white_space_is_a_blank_line(tmp_path):
    table, problems = read(tmp_path, "name,size\n   \nx,1\n\t\n")
    assert problems == []
    assert table.index.tolist() == [3]


def test_a_workbook_is_one_problem(tmp_path):
    _, problems = read(tmp_path, b"PK\x03\x04\x14\x00\x06\x00;,\n1,2,3\n")
    assert places(problems) == [(None, None, None)]
    assert "workbook" in str(problems[0])


@pytest.mark.parametrize("value", ["y" * 200_000, '"' + "y,\n" * 100_000])
def test_a_value_too_long_to_be_one_is_not_called_unclosed_for_certain(tmp_path, value):
    _, problems = read(tmp_path, f"name,size\nx,0\n{value}\n")
    assert places(problems) == [(2, "size", "0"), (3, None, None)]
    assert "at most 131,072 characters" in str(problems[1])


def test_ragged_rows_are_located_and_the_others_checked(tmp_path):
    table, problems = read(tmp_path, "name,size\nx,1,2\ny\nz,0\nw,3\n")
    assert places(problems) == [(2, None, "3 fields"), (3, None, "1 field"), (4, "size", "0")]
    assert table["name"].tolist() == ["z", "w"]


def test_quotation_marks_that_do_not_pair(tmp_path):
    _, problems = read(tmp_path, 'name,size\n"x"y,1\nz,0\n"never closed,3\nv,-1\n')
    assert places(problems) == [(2, None, None), (3, "size", "0"), (4, None, None)]
    assert "were not read" in str(problems[2])


def test_a_quotation_mark_in_the_header_that_is_never_closed(tmp_path):
    _, problems = read(tmp_path, 'name,"size\nx,1\n')
    assert places(problems) == [(1, None, None)]


def test_bytes_that_are_not_utf8_are_located_by_line_and_column(tmp_path):
    _, problems = read(tmp_path, "name,size,kind\nx,1,a\ncaf\xe9,2,\xff\ny,3,b\n".encode("latin-1"))
    assert places(problems) == [(3, "name", r"caf\xe9"), (3, "kind", r"\xff")]
    assert "UTF-8" in str(problems[0])


def test_bytes_that_are_not_utf8_in_the_header(tmp_path):
    _, problems = read(tmp_path, b"name,size,\xe9\nx,1,\n")
    assert places(problems) == [(1, "column 3", r"\xe9")]


def test_utf8_text_and_a_lone_nul(tmp_path):
    table, problems = read(tmp_path, "name,size\n区块链,1\nx\0,2\n")
    assert places(problems) == [(3, "name", r"x\x00")]
    assert table.loc[2, "name"] == "区块链"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_one_problem(tmp_path, encoding):
    _, problems = read(tmp_path, "\ufeffname,size\nx,1\n".encode(encoding))
    assert places(problems) == [(None, None, None)]
    assert "UTF-16" in str(problems[0])


def test_a_blank_required_value_and_an_allowed_blank(tmp_path):
    _, problems = read(tmp_path, "name,size,kind\n ,1,\nx,,\n")
    assert places(problems) == [(2, "name", "")]
    assert "found a blank" in str(problems[0])


def test_a_cell_that_does_not_parse_is_one_problem_and_hides_no_other(tmp_path):
    _, problems = read(tmp_path, "name,size,kind\nx,abc,c\ny,-1,a\n")
    assert places(problems) == [(2, "size", "abc"), (2, "kind", "c"), (3, "size", "-1")]
    assert "expected a number" in str(problems[0])
    assert "expected a positive number" in str(problems[2])


def test_a_repeated_key_names_the_line_that_held_it_first(tmp_path):
    _, problems = read(tmp_path, "name,size\nx,1\ny,2\n\nx,3\nx,4\n,5\n,6\n")
    assert places(problems) == [
        (5, "name", "x"),
        (6, "name", "x"),
        (7, "name", ""),
        (8, "name", ""),
    ]
    assert all("line 2 has this one already" in str(problem) for problem in problems[:2])


def test_very_many_repetitions_are_not_all_listed(tmp_path):
    _, problems = read(tmp_path, "name,size\n" + "x,1\n" * 3000)
    assert len(problems) == tabular.MOST_PROBLEMS


def test_chunks_do_not_change_what_is_read(tmp_path, monkeypatch):
    content = "name,size\n" + "".join(f"n{i},{i % 7}\n" for i in range(100)) + "n3,1\nx\ny,1\n"
    whole, problems = read(tmp_path, content)
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 8)
    pieces, located = read(tmp_path, content)
    pd.testing.assert_frame_equal(pieces, whole)
    assert located == problems
    assert (102, "name", "n3") in places(problems)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["n,1", "y,2,", ",", "", " ", "n", ' "a,b" ,1', '"a,b",1', '"c\nd",1']),
            st.tuples(st.text(ANY, max_size=3), st.text(ANY, max_size=3)).map(",".join),
        ).map(str.encode)
        | st.binary(max_size=4),
        max_size=9,
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"name,size", b"\xef\xbb\xbfname,size", b"size, name ", b"name,size,name"]),
    st.booleans(),
)
def test_a_plain_file_is_read_as_its_rows_one_by_one(folder, rows, end, header, ended):
    content = end.join([header, *rows]) + end * ended
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular, "CHUNK_ROWS", 3)
        plain, found = read(folder, content)
        patch.setattr(tabular, "_plain_pieces", lambda *_: iter([None]))
        table, problems = read(folder, content)
    pd.testing.assert_frame_equal(plain, table)
    assert found == problems


def test_a_file_is_plain_until_a_row_is_not(tmp_path):
    file = tmp_path / "table.csv"
    rows = [b"a,1\n", b"b,2\r\n", b"c,3\n", b'"d",4\n', b"e,5\n"]
    for count, read_as in [(3, 1), (4, 0), (5, 0)]:
        file.write_bytes(b"name,size\n" + b"".join(rows[:count]))
        pieces = [piece is not None for piece in tabular._plain_pieces(file, SCHEMA, file.name)]
        assert pieces == [True] * read_as + [False] * (1 - read_as)


def test_a_byte_order_mark_in_a_row_is_no_part_of_a_value(tmp_path):
    for line in (2, 3):
        rows = ["a,1", "b,2"]
        rows[line - 2] = "\ufeff" + rows[line - 2]
        table, _ = read(tmp_path, "name,size\n" + "\n".join(rows))
        assert table["name"].tolist() == [row.partition(",")[0] for row in rows]


def test_a_table_of_another_program_with_a_good_header_is_refused(tmp_path):
    for mark, words in (("PAR1", "not Parquet"), ("PK\x03\x04", "a workbook")):
        _, [problem] = read(tmp_path, f"{mark},name,size\nx,a,1\n")
        assert words in str(problem)


def test_reading_stops_where_the_file_is_no_longer_plain(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 1_100)
    file = tmp_path / "long.csv"
    file.write_text("name,size\n" + "n,x\n" * 1_100 + '"n",x\n' * 1_100)
    problems: list[Problem] = []
    for chunk in tabular.read_chunks(file, SCHEMA, problems, "long.csv"):
        problems += tabular.check_cells(chunk, SCHEMA, "long.csv")
    assert len(problems) == 1_101
    assert "reading stopped after 1,000" in str(problems[-1])


def test_reading_stops_after_very_many_problems(tmp_path):
    _, problems = read(tmp_path, "name,size\n" + "x\n" * 5000)
    assert len(problems) == tabular.MOST_PROBLEMS + 1
    assert "reading stopped" in str(problems[-1])


@pytest.mark.parametrize("first", ["n", '"n"'])
def test_reading_stops_after_very_many_problems_of_cells(tmp_path, monkeypatch, first):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 500)
    file = tmp_path / "long.csv"
    file.write_text("name,size\n" + f"{first},x\n" * 3000)
    problems: list[Problem] = []
    for chunk in tabular.read_chunks(file, SCHEMA, problems, "long.csv"):
        problems += tabular.check_cells(chunk, SCHEMA, "long.csv")
    assert [problem.line for problem in problems] == list(range(2, 1003))
    assert "reading stopped after 1,000" in str(problems[-1])


def test_a_long_file_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 5_000)
    file = tmp_path / "long.csv"
    with file.open("w") as stream:
        stream.write("name,size\n")
        stream.writelines(f"name-{number:040d},1\n" for number in range(60_000))
    tracemalloc.start()
    rows = sum(len(chunk) for chunk in tabular.read_chunks(file, SCHEMA, [], "long.csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 60_000
    # The 60,000 names of the file are more than 5 MB as Python text.
    assert peak < 3e6


@pytest.mark.parametrize(
    "text", ["2019-13-01", "2019-02-29", "20190101", "2019-1-1", "1x", "", "0001-01-01"]
)
def test_what_is_no_date(text):
    assert parse_dates(pd.Series([text, "2020-02-29"], dtype="str")).isna().tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "1,5", "1_000", "0x1f", "", "one", "1e999", "١"]
)
def test_what_is_no_number(text):
    numbers = parse_numbers(pd.Series([text, "-1.5e-3", ".5", "5."], dtype="str"))
    assert numbers.isna().tolist() == [True, False, False, False]
    assert numbers.tolist()[1:] == [-0.0015, 0.5, 5.0]


def test_numbers_are_the_floats_that_python_reads():
    texts = [
        "0.1",
        "8229.35",
        "1.0000000000000002",
        "123456789.12345678",
        "4.9e-324",
        "2.2250738585072011e-308",
    ]
    assert parse_numbers(pd.Series(texts, dtype="str")).tolist() == [float(text) for text in texts]


def test_the_nearest_name():
    assert nearest("Window", ["window", "end"]) == "window"
    assert nearest("zzz", ["window", "end"]) is None


def test_what_a_near_name_stands_for_is_proposed():
    cities = {"Toronto": "XTSE"}
    assert did_you_mean("toronto", ["XLON", *cities], cities) == '; did you mean "XTSE"?'
    assert did_you_mean("XLN", ["XLON", *cities], cities) == '; did you mean "XLON"?'
    assert did_you_mean("zzz", ["XLON", *cities], cities) == ""


@given(
    st.one_of(
        st.text(ANY, max_size=12),
        st.dates().map(str),
        st.from_regex(r"\A(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}\n?\Z", alphabet=ANY),
        st.from_regex(r"\A[+-]?[0-9]{0,3}\.?[0-9]{0,3}(e[+-]?[0-9]{1,3})?\n?\Z", alphabet=ANY),
    )
)
def test_a_cell_is_read_as_its_column(text):
    cells = pd.Series([text], dtype="str")
    day, number = parse_dates(cells).item(), parse_numbers(cells).item()
    assert parse_date(text) == (None if pd.isna(day) else pd.Timestamp(day).date())
    assert parse_number(text) == pytest.approx(number, rel=1e-15, abs=0, nan_ok=True)
