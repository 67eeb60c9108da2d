import io
import json

import pandas as pd
import pytest

from chainpolicy.article import dated_statements, read_article
from chainpolicy.article.extract import brief, event_tones, extract, tone_table, verify
from chainpolicy.study.problems import InputError
from places import SHARED

ARTICLE = SHARED / "article.txt"

TEXT = """The Harbour Bank banned all tokens on October 24, 2019. Lena Brandt warned of losses.

On October 24, 2019, prices fell. On November 4, 2019, the Trade Office approved a pilot.

On November 4, 2019, Bo Lin said that fraud is prohibited. It was quiet in July 2019."""


def extraction(text=TEXT):
    return dated_statements(read_article(io.BytesIO(text.encode())))


def events(**columns):
    frame = pd.DataFrame(
        {
            "event_id": ["ban", "pilot", "summer", "rumour"],
            "article_date": ["2019-10-24", "2019-11-04", "2019-07", ""],
            "from_article": ["yes", "yes", "yes", "no"],
            "announced_at": ["2019-10-24", "2019-11-04", "2019-07-18", "2019-12-24"],
        },
        index=[3, 5, 7, 9],
    )
    return frame.assign(**columns)


def test_the_table_has_one_row_for_each_mention():
    table = tone_table(extraction())
    assert list(table["date"]) == [
        "2019-10-24",
        "2019-10-24",
        "2019-11-04",
        "2019-11-04",
        "2019-07",
    ]
    assert list(table["actor"]) == ["Harbour Bank", "", "Trade Office", "Bo Lin", ""]
    assert list(table["tone_stance"]) == [-1, 0, 1, -1, 0]


def test_ranges_times_and_reasons_have_their_columns():
    text = (
        "The Harbour Bank spoke at 12:08 p.m. EDT on October 24, 2019. The pilot is due in Q3 2021."
        " Nobody knew that night."
    )
    table = tone_table(extraction(text))
    columns = ["mention", "date", "date_from", "date_to", "precision", "time"]
    assert table[columns].to_numpy().tolist() == [
        ["October 24, 2019", "2019-10-24", "2019-10-24", "2019-10-24", "day", "12:08-04:00"],
        ["Q3 2021", "2021-07-01/2021-09-30", "2021-07-01", "2021-09-30", "quarter", ""],
        ["that night", "", "", "", "unresolved", ""],
    ]
    assert (table["reason"] != "").tolist() == [False, False, True]


def test_the_counts_name_every_precision_that_occurs():
    report = extract(io.BytesIO(b"It was quiet in Q3 2021 and on October 24, 2019."))
    counts = "2 dated statements (1 day, 0 month, 1 quarter, 0 unresolved)"
    assert counts in report.messages[0]


def test_an_article_without_dates_gives_an_empty_table_with_its_columns():
    table = tone_table(extraction("Nothing happened."))
    assert table.empty
    assert {"date", "tone_lm", "tone_vader", "tone_stance", "text"} <= set(table.columns)


def test_a_terminal_is_given_what_it_has_room_for():
    text = "It was quiet that night.\n\nLena Brandt said on May 4, 2019 that fraud is prohibited."
    table = brief(tone_table(extraction(text)))
    assert list(table) == ["at", "date", "precision", "actor", "lm", "vader", "stance", "text"]
    assert table["at"].tolist() == ["1.1", "2.1"]
    assert table["date"].tolist() == ["“that night”", "2019-05-04"]
    assert table["stance"].tolist() == ["+0.00", "-1.00"]
    assert brief(tone_table(extraction("Nothing happened."))).empty


def test_an_event_takes_the_mean_of_the_statements_with_an_actor():
    tones = event_tones(events(), extraction())
    assert list(tones.index) == [3, 5, 7, 9]
    # Only the bank acts on 24 October; on 4 November one sentence supports and one restricts.
    assert list(tones["tone_stance"])[:3] == [-1, 0, 0]
    assert tones["tone_stance"].isna().to_list() == [False, False, False, True]
    checksum = extraction().article.checksum
    assert list(tones["article_sha256"]) == [checksum, checksum, checksum, ""]


def test_stored_tones_of_the_same_article_verify():
    frame = events()
    result = verify(frame.join(event_tones(frame, extraction())), extraction())
    assert result.passed
    assert result.dates_without_event == ()
    assert result.events_without_date == ()


def test_stored_tones_verify_as_the_text_of_a_csv_file(tmp_path):
    frame = events()
    path = tmp_path / "events.csv"
    frame.join(event_tones(frame, extraction())).to_csv(path, index=False)
    read_back = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert verify(read_back, extraction()).passed


def test_every_difference_is_listed():
    frame = events()
    stored = frame.join(event_tones(frame, extraction())).astype({"tone_lm": object})
    stored.loc[3, "tone_stance"] = -0.9
    stored.loc[5, "tone_lm"] = "much"
    stored.loc[7, "article_sha256"] = "0" * 64
    stored.loc[9, "tone_vader"] = 0.5
    result = verify(stored, extraction())
    assert [line.split(":")[0] for line in result.differences] == [
        "ban, tone_stance",
        "pilot, tone_lm",
        "rumour, tone_vader",
        "summer, article_sha256",
    ]
    assert 'stored "-0.9", recomputed "-1.0"' in result.differences[0]


def test_missing_tone_columns_are_differences():
    # Three tones of three events, and one line for the checksum that all three lack.
    differences = verify(events(), extraction()).differences
    assert len(differences) == 3 * 3 + 1
    assert differences[-1].startswith('ban, pilot, summer, article_sha256: stored "", recomputed "')


def test_dates_and_events_without_their_counterpart_are_listed():
    frame = events(article_date=["2019-10-24", "2019-11-05", "", ""])
    result = verify(frame.join(event_tones(frame, extraction())), extraction())
    assert result.dates_without_event == ("2019-07", "2019-11-04")
    assert result.events_without_date == ("pilot", "summer")
    assert result.differences == ("pilot: the article has no date 2019-11-05",)


def test_another_article_is_told_once_by_its_checksum():
    frame = events()
    stored = frame.join(event_tones(frame, extraction()))
    other = extraction(TEXT + " The end.")
    (difference,) = verify(stored, other).differences
    old, new = extraction().article.checksum, other.article.checksum
    wanted = f'ban, pilot, summer, article_sha256: stored "{old}", recomputed "{new}"'
    assert difference == wanted


def test_an_event_whose_date_is_not_in_the_article_is_told_once():
    frame = events()
    stored = frame.join(event_tones(frame, extraction()))
    result = verify(stored, extraction("The board met on March 1, 2018."))
    assert result.compared == 0
    assert result.differences == tuple(
        f"{event}: the article has no date {date}"
        for event, date in (("ban", "2019-10-24"), ("pilot", "2019-11-04"), ("summer", "2019-07"))
    )


def test_an_event_without_announcement_is_not_missed():
    frame = events(article_date="", announced_at="")
    assert verify(frame, extraction()).events_without_date == ()


def read_json(path):
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))


def test_extract_reports_and_writes_csv_and_json(tmp_path):
    for suffix, read in ((".csv", pd.read_csv), (".json", read_json)):
        path = tmp_path / f"statements{suffix}"
        report = extract(io.BytesIO(TEXT.encode()), output=path)
        assert report.exit_status == 0
        assert "5 dated statements (4 day, 1 month, 0 unresolved)" in report.messages[0]
        written = read(path)
        assert list(written.columns) == list(report.table.columns)
        assert list(written["tone_vader"]) == list(report.table["tone_vader"])
        assert list(written["text"]) == list(report.table["text"])
        assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == suffix] == [path.name]


def test_extract_states_the_year_and_its_source():
    report = extract(io.BytesIO(b"It fell on May 4."), published="2019-12-10")
    assert "2019, day of publication given: 2019-12-10" in report.messages[1]
    assert list(report.table["date"]) == ["2019-05-04"]


def test_extract_verifies_with_exit_status_one_on_a_difference():
    frame = events()
    stored = frame.join(event_tones(frame, extraction()))
    report = extract(io.BytesIO(TEXT.encode()), events=stored)
    assert report.exit_status == 0
    assert any(
        "tones of 3 of 4 events are those of the article" in line for line in report.messages
    )
    report = extract(io.BytesIO(TEXT.encode()), events=stored.assign(tone_lm=0.25))
    assert report.exit_status == 1
    assert any(line.startswith("differs: ban, tone_lm") for line in report.messages)


def test_a_catalogue_without_a_date_of_the_article_is_not_called_verified():
    frame = events(article_date="")
    stored = frame.join(event_tones(frame, extraction()))
    report = extract(io.BytesIO(TEXT.encode()), events=stored)
    assert report.exit_status == 0
    assert "none of 4 events has a date of this article: no tone to compare" in report.messages
    assert not any("are those of the article" in line for line in report.messages)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"published": "2019-13-01"}, "--published.*2019-13-01"),
        ({"output": "statements.xlsx"}, "--output.*statements.xlsx.*ends in .csv or .json"),
        ({"output": "no/such/folder/statements.csv"}, "a file that can be written"),
    ],
)
def test_extract_refuses_what_it_cannot_use(arguments, message):
    with pytest.raises(InputError, match=message):
        extract(io.BytesIO(TEXT.encode()), **arguments)


@pytest.mark.skipif(not ARTICLE.exists(), reason="the study's article is not beside the repository")
def test_the_tones_of_the_article_have_the_signs_a_reader_sees():
    table = tone_table(dated_statements(read_article(ARTICLE)))
    stance = table[table["actor"] != ""].groupby("date")["tone_stance"].mean()
    assert stance["2019-10-24"] > 0
    assert stance["2019-12-05"] > 0
    assert stance["2019-11-14"] < 0
    assert stance["2019-11-19"] < 0
