import io
import json
import math
import tomllib
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainpolicy.article import dated_statements, read_article
from chainpolicy.problems import InputError
from chainpolicy.tone import event_tones, extract, score, stance_lexicon, tone_table, verify

ARTICLE = Path(__file__).parents[1] / ".." / "shared" / "article.txt"

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


# --- the three measures --------------------------------------------------------------------------


def test_loughran_mcdonald_is_the_balance_of_its_words():
    # loss, fraud and illegal are negative words of the dictionary, progress and achieve positive.
    tone = score("Fraud and illegal trade brought a loss, yet some achieve progress.")
    assert (tone.lm_positive, tone.lm_negative) == (2, 3)
    assert tone.lm == pytest.approx((2 - 3) / (2 + 3))


def test_words_count_as_printed_and_not_by_their_stem():
    # Stemming turns these into the stems of "informative" and "constructive", which are positive.
    tone = score("The Ministry of Information issued a construction notice.")
    assert (tone.lm, tone.lm_positive, tone.lm_negative) == (0, 0, 0)


def test_vader_is_the_compound_score():
    # One word of valence 1.9 in the lexicon ("good"): 1.9 / sqrt(1.9 ** 2 + 15).
    assert score("good").vader == pytest.approx(1.9 / math.sqrt(1.9**2 + 15), abs=5e-5)


@pytest.mark.parametrize(
    ("text", "support", "restriction"),
    [
        ("The office will promote and accelerate the pilot.", 3, 0),
        ("Banks must not promote tokens.", 0, 1),
        ("Trading is prohibited, and venues are rectified.", 0, 2),
        ("Trading is no longer prohibited.", 1, 0),
        ("They didn’t support it.", 0, 1),
        ("The law does not only permit but encourage it.", 2, 0),
        ("It is not without support.", 1, 0),
        ("Nobody asked, no, but support came.", 1, 0),
        ("Not now; support may come.", 1, 0),
        ("The state lifted the ban.", 1, 0),
        ("The state scrapped the pilot.", 0, 1),
        ("A CRACKDOWN, a crack-down, and cracking down.", 0, 3),
        ("They shut down the sandbox.", 1, 1),
        ("The bank supervises and regulates, and prices boomed.", 0, 0),
        ("", 0, 0),
    ],
)
def test_stance_counts_terms_and_turns_negated_ones_around(text, support, restriction):
    tone = score(text)
    assert (tone.support, tone.restriction) == (support, restriction)
    total = support + restriction
    assert tone.stance == ((support - restriction) / total if total else 0)


def test_the_lexicon_is_consistent_and_versioned():
    path = resources.files("chainpolicy") / "lexicons" / "regulatory_stance.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    forms = [
        form
        for section in ("support", "restriction")
        for family in data[section].values()
        for form in family
    ]
    assert len(forms) == len(set(forms)) == len(stance_lexicon().terms)
    assert all(form == form.lower() and form.replace(" ", "").isalpha() for form in forms)
    assert not set(forms) & set(data["negation"]["words"])
    assert stance_lexicon().version == data["version"]


def test_a_text_too_long_for_vader_is_refused():
    with pytest.raises(ValueError, match="20,001 characters"):
        score("a" * 20_001)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_every_tone_lies_between_minus_one_and_one(text):
    tone = score(text)
    assert all(-1 <= value <= 1 for value in (tone.lm, tone.vader, tone.stance))


# --- events --------------------------------------------------------------------------------------


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


def test_an_article_without_dates_gives_an_empty_table_with_its_columns():
    table = tone_table(extraction("Nothing happened."))
    assert table.empty
    assert {"date", "tone_lm", "tone_vader", "tone_stance", "text"} <= set(table.columns)


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
        "summer, article_sha256",
        "rumour, tone_vader",
    ]
    assert 'stored "-0.9", recomputed "-1.0"' in result.differences[0]


def test_missing_tone_columns_are_differences():
    assert len(verify(events(), extraction()).differences) == 3 * 4


def test_dates_and_events_without_their_counterpart_are_listed():
    frame = events(article_date=["2019-10-24", "2019-11-05", "", ""])
    result = verify(frame.join(event_tones(frame, extraction())), extraction())
    assert result.dates_without_event == ("2019-07", "2019-11-04")
    assert result.events_without_date == ("pilot", "summer")
    assert result.differences == ("pilot: the article has no date 2019-11-05",)


def test_an_event_without_announcement_is_not_missed():
    frame = events(article_date="", announced_at="")
    assert verify(frame, extraction()).events_without_date == ()


# --- the command ---------------------------------------------------------------------------------


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
    assert extract(io.BytesIO(TEXT.encode()), events=stored).exit_status == 0
    report = extract(io.BytesIO(TEXT.encode()), events=stored.assign(tone_lm=0.25))
    assert report.exit_status == 1
    assert any(line.startswith("differs: ban, tone_lm") for line in report.messages)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"published": "2019-13-01"}, "--published.*2019-13-01"),
        ({"output": "statements.xlsx"}, "ends in .csv or .json"),
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
