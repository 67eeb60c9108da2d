"""The event catalogue: what is read, what is assumed, what is refused and where."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainpolicy.study import events as events_module
from chainpolicy.study.announced import is_time
from chainpolicy.study.events import stance_columns
from chainpolicy.study.problems import InputError
from raising import raising

read_events = raising(events_module.read_events)

HEADER = (
    "event_id,announced_at,role,in_sample,reason,time_precision,stance_crypto,salience,"
    "from_article,article_date"
)


@pytest.fixture
def write(tmp_path):
    def write_rows(*rows: str, header: str = HEADER):
        path = tmp_path / "events.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write_rows


def refused(path) -> list[tuple[int | None, str | None, str | None]]:
    with pytest.raises(InputError) as error:
        read_events(path)
    assert all(problem.file == "events.csv" for problem in error.value.problems)
    return [(problem.line, problem.column, problem.value) for problem in error.value.problems]


def row(
    event_id="e", announced_at="2019-10-25T18:15+08:00", role="", in_sample="", reason="",
    precision="", stance="", salience="", article="", article_date="",
) -> str:  # fmt: skip
    return ",".join(
        [
            event_id,
            announced_at,
            role,
            in_sample,
            reason,
            precision,
            stance,
            salience,
            article,
            article_date,
        ]
    )


def test_the_two_required_columns_are_enough(write):
    events = read_events(
        write("a,2019-10-25T18:15+08:00", "b,2019-10-26", header="event_id,announced_at")
    )
    first = events.iloc[0]
    assert events.index.tolist() == [2, 3]
    assert first["announced_at"] == "2019-10-25T18:15+08:00"
    assert first["name"] == "a"
    assert (first["role"], first["reason"], first["cluster"]) == ("policy", "", "")
    assert first["in_sample"]
    assert first["from_article"]
    assert first["salience"] == 1
    assert stance_columns(events) == []
    assert events["time_precision"].tolist() == ["exact", "day"]


def test_every_value_is_read_and_other_columns_are_kept(write):
    events = read_events(
        write(
            row(precision="exact", role="control", stance="-1", salience="3", article="no") + ",x",
            row(
                "f",
                "2019-10-28T20:00+08:00",
                "placebo",
                "no",
                "late",
                "evening",
                "+1",
                "2",
                "yes",
                "2019-10-24",
            )
            + ",y",
            row("g", "", "policy", "no", "undated") + ",",
            header=HEADER + ",colour",
        )
    )
    assert events["stance_crypto"].tolist() == [-1, 1, 0]
    assert events["salience"].tolist() == [3, 2, 1]
    assert events["in_sample"].tolist() == [True, False, False]
    assert events["from_article"].tolist() == [False, True, True]
    assert events["time_precision"].tolist() == ["exact", "evening", ""]
    assert events["colour"].tolist() == ["x", "y", ""]


@pytest.mark.parametrize(
    ("cells", "column", "value"),
    [
        ({"event_id": ""}, "event_id", ""),
        ({"event_id": "a;b"}, "event_id", "a;b"),
        ({"announced_at": "2019-10-25T18:15"}, "announced_at", "2019-10-25T18:15"),
        ({"announced_at": "2019-10-25T18:15:00"}, "announced_at", "2019-10-25T18:15:00"),
        ({"announced_at": "2019-13-01"}, "announced_at", "2019-13-01"),
        ({"announced_at": "2019-10-25T25:00+08:00"}, "announced_at", "2019-10-25T25:00+08:00"),
        ({"announced_at": "2019-10-25T18:15+99:00"}, "announced_at", "2019-10-25T18:15+99:00"),
        ({"announced_at": "25.10.2019"}, "announced_at", "25.10.2019"),
        ({"announced_at": "20191025"}, "announced_at", "20191025"),
        ({"announced_at": "2019-W43-5"}, "announced_at", "2019-W43-5"),
        ({"announced_at": ""}, "announced_at", ""),
        ({"role": "polcy"}, "role", "polcy"),
        ({"in_sample": "true"}, "in_sample", "true"),
        ({"in_sample": "no"}, "reason", ""),
        ({"article": "1"}, "from_article", "1"),
        ({"article_date": "July 2019"}, "article_date", "July 2019"),
        ({"stance": "2"}, "stance_crypto", "2"),
        ({"stance": "1.0"}, "stance_crypto", "1.0"),
        ({"salience": "0"}, "salience", "0"),
        ({"salience": "high"}, "salience", "high"),
        ({"precision": "hour"}, "time_precision", "hour"),
        ({"announced_at": "2019-10-25", "precision": "exact"}, "time_precision", "exact"),
        ({"announced_at": "2019-10-25", "precision": "evening"}, "time_precision", "evening"),
        ({"announced_at": "2019-10-25", "precision": "ceiling"}, "time_precision", "ceiling"),
        ({"precision": "day"}, "time_precision", "day"),
        ({"precision": "evening"}, "announced_at", "2019-10-25T18:15+08:00"),
    ],
)
def test_one_cell_that_is_refused(write, cells, column, value):
    good = row("good", "2019-10-01")
    assert refused(write(good, row(**cells))) == [(3, column, value)]


def test_a_time_without_offset_says_what_is_missing(write):
    with pytest.raises(InputError, match=r"line 2, announced_at.*UTC offset after the time"):
        read_events(write(row(announced_at="2019-10-25 18:15")))


@pytest.mark.parametrize("offset", ["Z", "+08:00", "+0800", "+08"])
def test_every_spelling_of_an_offset_is_kept_as_given(write, offset):
    announced_at = f"2019-10-25T18:15{offset}"
    assert read_events(write(row(announced_at=announced_at)))["announced_at"].item() == announced_at


@pytest.mark.parametrize("zone", [" CST", "z", "+8", "+25:00", "[Asia/Shanghai]", " +08:00"])
def test_what_is_no_offset(write, zone):
    found = refused(write(row(announced_at=f"2019-10-25T18:15{zone}")))
    assert found == [(2, "announced_at", f"2019-10-25T18:15{zone}")]


def test_a_repeated_event_id_names_the_first_line(write):
    with pytest.raises(InputError, match=r"line 4, event_id: found \"a\".*line 2 has this one"):
        read_events(write(row("a"), row("b"), row("a")))


@pytest.mark.parametrize("column", ["event_id", "announced_at"])
def test_a_missing_required_column_is_all_that_is_said_about_it(write, column):
    header = ",".join(name for name in ("event_id", "announced_at", "reason") if name != column)
    assert refused(write("2019-10-01,y", header=header)) == [(1, column, None)]


def test_everything_at_once(write):
    found = refused(
        write(
            row("a", role="x", in_sample="maybe"),
            row("a", "2019-99-01", stance="9"),
            row("c", "", "policy", "no"),
            "d,2019-10-01",
        )
    )
    assert set(found) == {
        (2, "role", "x"),
        (2, "in_sample", "maybe"),
        (3, "event_id", "a"),
        (3, "announced_at", "2019-99-01"),
        (3, "stance_crypto", "9"),
        (4, "reason", ""),
        (5, None, "2 fields"),
    }
    assert [line for line, _, _ in found] == [2, 2, 3, 3, 3, 4, 5]


@given(
    st.datetimes(datetime(1991, 1, 1), datetime(2034, 12, 31)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["minutes", "seconds", "microseconds"]),
    st.sampled_from("T "),
)
def test_every_time_that_python_writes_with_an_offset_is_read(moment, offset, detail, separator):
    zone = timezone(timedelta(minutes=offset))
    text = moment.replace(tzinfo=zone).isoformat(separator, detail)
    assert is_time(text)
    assert not is_time(text[:-6])


AFFECTS = "event_id,announced_at,affects"


def test_an_event_affects_what_it_names_and_a_blank_everything(write):
    events = read_events(
        write("a,2019-10-25,miners; BTC-USD", "b,2019-10-26,", "c,2019-10-27,x", header=AFFECTS)
    )
    assert events["affects"].tolist() == [("miners", "BTC-USD"), (), ("x",)]


def test_without_the_column_every_event_affects_everything(write):
    assert (
        read_events(write("a,2019-10-25", header="event_id,announced_at"))["affects"].item() == ()
    )


@pytest.mark.parametrize("affects", [";", "miners;", ";miners", "miners;;coins", "miners; miners"])
def test_a_list_with_a_blank_or_a_repetition_is_refused(write, affects):
    assert refused(write(f"a,2019-10-25,{affects}", header=AFFECTS)) == [(2, "affects", affects)]


def test_an_undated_row_points_to_the_column_that_was_to_excuse_it(write):
    header = HEADER.replace("in_sample", "in_sampel")
    with pytest.raises(InputError, match=r"may be undated; is the column in_sampel to be in_s"):
        read_events(write(row("g", "", "policy", "no", "undated"), header=header))
