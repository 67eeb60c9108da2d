import contextlib
import datetime as dt
import hashlib
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphabet import ANY
from chainpolicy.article import dated_statements, read_article
from chainpolicy.article.actors import find_actor
from chainpolicy.study.problems import InputError
from places import SHARED

ARTICLE = SHARED / "article.txt"
needs_article = pytest.mark.skipif(
    not ARTICLE.exists(), reason="the study's article is not beside the repository"
)


def extract(text, published=None):
    article = read_article(io.BytesIO(text.encode()))
    return dated_statements(article, published and dt.date.fromisoformat(published))


def mentions(text, published=None):
    return [(s.mention, s.date, s.precision) for s in extract(text, published).statements]


def days(text, published=None):
    return [date for _, date, precision in mentions(text, published) if precision == "day"]


# --- styles of dates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("October 24, 2019", "2019-10-24"),
        ("October 24 2019", "2019-10-24"),
        ("October 24,2019", "2019-10-24"),
        ("OCTOBER 24, 2019", "2019-10-24"),
        ("Oct. 24th, 2019", "2019-10-24"),
        ("Sept. 4, 2017", "2017-09-04"),
        ("24 October 2019", "2019-10-24"),
        ("24 Oct. 2019", "2019-10-24"),
        ("24-Oct-2019", "2019-10-24"),
        ("24th of October, 2019", "2019-10-24"),
        ("the 24th of October, 2019", "2019-10-24"),
        ("October the 24th, 2019", "2019-10-24"),
        ("2019-10-24", "2019-10-24"),
        ("2019/10/24", "2019-10-24"),
        ("2019.10.24", "2019-10-24"),
        ("24/10/2019", "2019-10-24"),
        ("10/24/2019", "2019-10-24"),
        ("10.10.2019", "2019-10-10"),
        ("1 May 2019", "2019-05-01"),
        ("29 February 2020", "2020-02-29"),
        ("October 24-26, 2019", "2019-10-24/2019-10-26"),
        ("October 24 to 26, 2019", "2019-10-24/2019-10-26"),
        ("24–26 October 2019", "2019-10-24/2019-10-26"),
        ("October 30 to November 2, 2019", "2019-10-30/2019-11-02"),
        ("the 24th to the 26th of October 2019", "2019-10-24/2019-10-26"),
        ("October 24 to the 26th, 2019", "2019-10-24/2019-10-26"),
        ("30 October – 2 November 2019", "2019-10-30/2019-11-02"),
        ("December 30, 2019 to January 2, 2020", "2019-12-30/2020-01-02"),
        ("December 30 to January 2, 2020", "2019-12-30/2020-01-02"),
        ("December 30, 2019 to January 2", "2019-12-30/2020-01-02"),
        ("2019-10-24/2019-10-26", "2019-10-24/2019-10-26"),
        ("2019-10-24/26", "2019-10-24/2019-10-26"),
    ],
)
def test_a_full_date_is_read_in_many_styles(written, date):
    assert mentions(f"The registry was opened on {written}.") == [(written, date, "day")]


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("mid-November", "2018-11"),
        ("early June", "2018-06"),
        ("the end of March", "2018-03"),
        ("May", "2018-05"),
        ("Sept. 2017", "2017-09"),
        ("October of 2016", "2016-10"),
        ("July this year", "2018-07"),
        ("July last year", "2017-07"),
    ],
)
def test_a_month_is_no_day(written, date):
    text = f"The 2018 decree was drafted. It was signed in {written}, and then nothing happened."
    assert mentions(text) == [(written, date, "month")]


def test_a_month_is_a_period_of_whole_days():
    (statement,) = extract("The tax was raised in February 2020.").statements
    assert (statement.start, statement.end) == (dt.date(2020, 2, 1), dt.date(2020, 2, 29))


def test_day_and_month_in_either_order_stay_unresolved():
    (statement,) = extract("The fee is due on 10/11/2019.").statements
    assert (statement.mention, statement.precision) == ("10/11/2019", "unresolved")
    assert (statement.start, statement.end, statement.date) == (None, None, "")
    assert "either order" in statement.reason


@pytest.mark.parametrize("written", ["February 30, 2019", "29 February 2019", "2019-02-30"])
def test_a_day_that_does_not_exist_stays_unresolved(written):
    (statement,) = extract(f"The fee is due on {written}.").statements
    assert statement.precision == "unresolved"
    assert "no such day in 2019" in statement.reason


def test_a_bare_day_that_its_month_lacks_stays_unresolved():
    *_, statement = extract("It met on November 4, 2019 and voted on the 31st.").statements
    assert (statement.mention, statement.precision) == ("the 31st", "unresolved")
    assert statement.reason == "there is no such day in November 2019"


def test_a_range_that_ends_before_it_begins_stays_unresolved():
    assert mentions("It is open on October 24-3, 2019.") == [
        ("October 24-3, 2019", "", "unresolved")
    ]


def test_the_days_of_a_list_are_found_but_a_number_of_firms_is_none():
    text = "The 2019 rates fell on October 24, 25 and 28. On November 4 and 25 firms closed."
    assert mentions(text) == [
        ("October 24", "2019-10-24", "day"),
        ("25", "2019-10-25", "day"),
        ("28", "2019-10-28", "day"),
        ("November 4", "2019-11-04", "day"),
    ]


@pytest.mark.parametrize("written", ["October 24, 25 and 26, 2018", "24, 25, and 26 October 2018"])
def test_a_year_at_the_end_of_a_list_holds_for_all_its_days(written):
    text = f"It met on {written}."
    assert days(text, "2021-01-01") == ["2018-10-24", "2018-10-25", "2018-10-26"]
    assert extract(f"{text} It left on May 4.").year_basis.count("2018") == 1


def test_days_listed_before_their_month_are_all_found():
    text = "The 2019 board met on 24 and 25 October and on the 3rd & 4th of November."
    assert mentions(text) == [
        ("24", "2019-10-24", "day"),
        ("25 October", "2019-10-25", "day"),
        ("the 3rd", "2019-11-03", "day"),
        ("4th of November", "2019-11-04", "day"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "• October 24: the rule was read",
        "27 of them left by 24 October: nobody stayed",
        "On October 24—a Thursday—it met",
        "On October 24–in the rain–it met",
        "BEIJING,October 24 (wire): it met",
        "The post-October 24 rally",
        "(October 24)",
        "“October 24,” he read",
    ],
)
def test_punctuation_around_a_date_does_not_hide_it(text):
    assert [(date, how) for _, date, how in mentions(text, "2019-12-10")] == [("2019-10-24", "day")]


@pytest.mark.parametrize("text", ["May 5-year notes", "a March 10:30 call", "Oct 24.5 units"])
def test_a_number_that_goes_on_is_no_day(text):
    assert days(f"He bought {text}.", "2019-12-10") == []


@pytest.mark.parametrize("hyphen", "\u2010\u2011\u2012\u2013\u2014\u2212-")
def test_a_range_is_read_with_any_hyphen_or_dash(hyphen):
    assert days(f"It met on October 24{hyphen}26, 2019.") == ["2019-10-24/2019-10-26"]


def test_full_width_signs_and_invisible_ones_do_not_hide_a_date():
    text = (
        "It met on ２０１９－１０－２４, on October ２５， and on \x07Oc\x1bto\u00adber\u200b 26."
    )
    assert days(text) == ["2019-10-24", "2019-10-25", "2019-10-26"]


def test_between_makes_a_range_of_two_days():
    text = "It was shut between October 24 and 26, 2019 and between 3 and 5 November 2019."
    assert [date for _, date, _ in mentions(text)] == [
        "2019-10-24/2019-10-26",
        "2019-11-03/2019-11-05",
    ]


def test_a_bare_day_takes_the_month_before_it():
    text = "In 2019 the board met on October 24. It voted on the 26th, and left on the 31st."
    assert days(text) == ["2019-10-24", "2019-10-26", "2019-10-31"]


def test_a_day_of_the_week_beside_a_bare_day_has_to_fit():
    # 24 October 2019 was a Thursday.
    text = "In October 2019 it rained. On {} the 24th it met."
    assert mentions(text.format("Thursday"))[1:] == [("the 24th", "2019-10-24", "day")]
    statement = extract(text.format("Friday,")).statements[1]
    assert (statement.precision, statement.reason) == ("unresolved", "2019-10-24 is no Friday")


def test_a_bare_day_without_a_month_before_it_needs_the_day_of_publication():
    text = "The board voted on the 26th."
    assert mentions(text) == [("the 26th", "", "unresolved")]
    assert days(text, "2019-11-28") == ["2019-11-26"]
    assert days(text, "2019-11-05") == ["2019-10-26"]


@pytest.mark.parametrize(
    ("written", "date", "precision"),
    [
        ("yesterday", "2019-12-09", "day"),
        ("two days ago", "2019-12-08", "day"),
        ("tomorrow", "2019-12-11", "day"),
        ("on Friday", "2019-12-06", "day"),
        ("on Tuesday", "2019-12-10", "day"),
        ("last Tuesday", "2019-12-03", "day"),
        ("last month", "2019-11", "month"),
        ("three months ago", "2019-09", "month"),
        ("last July", "2019-07", "month"),
        ("next March", "2020-03", "month"),
        ("July last year", "2018-07", "month"),
        ("several days ago", "", "unresolved"),
        ("last week", "2019-12-02/2019-12-08", "week"),
        ("not long ago", "", "unresolved"),
        ("that night", "", "unresolved"),
        ("three months after", "", "unresolved"),
        ("the next day", "", "unresolved"),
        ("the following Monday", "", "unresolved"),
        ("two years ago", "", "unresolved"),
    ],
)
def test_relative_expressions_count_from_tuesday_10_december_2019(written, date, precision):
    text = f"The office opened {written}, as it had promised."
    mention = written.removeprefix("on ")
    assert mentions(text, "2019-12-10") == [(mention, date, precision)]
    assert mentions(text)[0][2] == "unresolved"


@pytest.mark.parametrize(
    "text",
    [
        "The plan (2019-2021) and its 2019 edition replace the one of 2015.",
        "Trading runs 24/7, version 2.0 came after 1.4.2, and No. 1394 was filed.",
        "Of 755 tokens 102 failed; 40% of 2,019 firms and $2000 were lost.",
        "They may 5 times a day march 24 km, and may 2019 be kind to them.",
        "In the past two months, and over the last week, little moved.",
        "The 19th congress sat on the 14th floor, on the 5th avenue.",
        "See https://example.org/2019/10/24/notice and file a-2019-10-24-b.",
        "He holds that night trading is dear and that day labour is not.",
        "On 31/31/2019 and 2019-13-01 nothing can have happened.",
        "AI, cloud and big data are called ABCDI by some, and 5G by others.",
    ],
)
def test_what_is_no_date_is_not_reported(text):
    assert mentions(text, "2019-12-10") == []


# --- the year ------------------------------------------------------------------------------------


def test_with_a_day_of_publication_a_date_far_ahead_was_last_year():
    text = "On October 24 it began, on January 3 it ended, and on March 1 it will begin again."
    assert days(text, "2020-01-05") == ["2019-10-24", "2020-01-03", "2020-03-01"]


def test_the_days_that_a_date_without_a_year_can_mean_are_stated():
    # 92 days after 5 January 2020 is 6 April; the year before it ends a day short of that.
    assert "from 2019-04-07 to 2020-04-06" in extract("It rose.", "2020-01-05").year_basis


@pytest.mark.parametrize(
    ("published", "january", "march"),
    [("2019-12-10", "2020-01-01", "2020-03-01"), ("2020-01-05", "2020-01-01", "2020-03-01")],
)
def test_dates_without_a_year_run_over_the_turn_of_the_year(published, january, march):
    text = "It holds from January 1, from March 1 and since October 24."
    assert days(text, published) == [january, march, "2019-10-24"]


def test_a_written_year_beats_the_day_of_publication():
    assert days("It was banned on September 4, 2017.", "2019-12-10") == ["2017-09-04"]


def test_the_year_is_inferred_from_a_full_date_and_stated():
    extraction = extract("The act passed on October 26 binds all from January 1, 2020.")
    assert [s.date for s in extraction.statements] == ["2019-10-26", "2020-01-01"]
    assert extraction.year == 2019
    assert "January 1, 2020" in extraction.year_basis


@pytest.mark.parametrize(
    "text",
    [
        # The end of the range has the year; the 28th is nearest to it in the year before.
        "It was shut December 30 to January 2, 2020. On December 28 it was full.",
        "It was shut on 30/12/2019. On December 28 it was full.",
    ],
)
def test_the_year_is_inferred_from_ranges_and_numbers_too(text):
    assert days(text)[-1] == "2019-12-28"
    assert extract(text).year == 2019


def test_an_old_full_date_does_not_outweigh_a_later_year():
    text = "Since the ban of September 4, 2017 little was heard; in 2019, on October 24, it ended."
    assert days(text) == ["2017-09-04", "2019-10-24"]


def test_a_day_of_the_week_decides_between_years():
    # 25 October was a Friday in 2019 and a Thursday in 2018.
    text = "The 2018 budget and the 2019 budget failed. On {}, October 25, a third one passed."
    assert days(text.format("Friday")) == ["2019-10-25"]
    assert days(text.format("Thursday")) == ["2018-10-25"]


def test_a_day_of_the_week_that_does_not_fit_is_said():
    (statement,) = extract("The 2019 fair, on Monday, October 25, was wet.").statements
    assert statement.reason == "2019-10-25 is no Monday"


def test_without_any_year_nothing_is_invented():
    extraction = extract("Prices fell on October 24.")
    assert extraction.year is None
    assert extraction.statements[0].precision == "unresolved"
    assert "--published" in extraction.statements[0].reason


def test_a_day_of_publication_out_of_reach_is_refused():
    with pytest.raises(InputError, match="1900 to 2099"):
        extract("Prices fell on October 24.", "0001-01-01")


# --- two-digit years -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("24 Oct 19", "2019-10-24"),
        ("24-Oct-19", "2019-10-24"),
        ("October 24, '19", "2019-10-24"),
        ("Oct. 24 ’19", "2019-10-24"),
        # As word processors, scans and other keyboards have it.
        ("24 October ‘19", "2019-10-24"),
        ("October 24, ‘19", "2019-10-24"),
        ("24 Oct ‛19", "2019-10-24"),
        ("Oct. 24, ʼ19", "2019-10-24"),
        ("24 October `19", "2019-10-24"),
        ("October 24, ´19", "2019-10-24"),
        ("24 Oct ′19", "2019-10-24"),
        ("October ‘19", "2019-10"),
        ("24th of October '98", "1998-10-24"),
        ("24-26 Oct 19", "2019-10-24/2019-10-26"),
        ("10/24/19", "2019-10-24"),
        ("31.10.98", "1998-10-31"),
        ("Oct '19", "2019-10"),
    ],
)
def test_a_year_of_two_digits_is_of_the_nearest_century(written, date):
    text = f"The registry opened on {written}."
    assert [(m, d) for m, d, _ in mentions(text, "2020-12-20")] == [(written, date)]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("24/10/19", "2019-10-24 or 2024-10-19"),
        ("19-10-24", "2019-10-24 or 2024-10-19"),
        ("10/11/19", "2019-10-11 or 2019-11-10"),
        ("24 Oct 19 firms", '"19" may be its year'),
        ("24 Oct 19 and again", '"19" may be its year'),
        ("October 24 19", '"19" may be its year'),
        ("October 24, 1815", '"1815" may be its year'),
        ("Oct-19", "a day or a year"),
        ("20191024", "a day or a number"),
        ("10/24", "without its year"),
        ("the twenty-fourth of October", "in words"),
    ],
)
def test_numbers_that_may_be_a_year_or_not_leave_the_day_open(written, reason):
    (statement,) = extract(f"It fell on {written}", "2020-12-20").statements
    assert statement.precision == "unresolved"
    assert reason in statement.reason


def test_a_count_after_a_comma_is_no_year():
    assert days("On October 24, 19 firms closed.", "2020-12-20") == ["2020-10-24"]


def test_two_digits_need_a_century():
    (statement,) = extract("It fell on 24 Oct '19.").statements
    assert "century" in statement.reason
    text = "The 2018 rules held until May 3.\n\nIt fell on 24 Oct '19."
    assert days(text) == ["2018-05-03", "2019-10-24"]


# --- past and future; published on Tuesday, 10 December 2019 --------------------------------------


@pytest.mark.parametrize(
    ("sentence", "day"),
    [
        ("The bank met on Monday.", "2019-12-09"),
        ("The bank will meet on Monday.", "2019-12-16"),
        ("On Monday, the bank will meet.", "2019-12-16"),
        ("It is to meet on Friday.", "2019-12-13"),
        ("It is expected to meet Friday morning.", "2019-12-13"),
        ("It'll meet on Thurs. in Oslo.", "2019-12-12"),
        ("It will meet on Monday, he said.", "2019-12-16"),
        ("It said on Monday it will meet.", "2019-12-09"),
        ("It has been open since Monday.", "2019-12-09"),
        ("It will be shut by Sunday.", "2019-12-15"),
        ("It will cut rates on Monday.", "2019-12-16"),
        ("It said it will on Monday vote.", "2019-12-16"),
        ("It said Tuesday that it is so.", "2019-12-10"),
        ("It will vote on the 24th.", "2019-12-24"),
        ("It voted on the 24th.", "2019-11-24"),
        ("It will vote on the 3rd.", "2020-01-03"),
        ("last Friday", "2019-12-06"),
        ("this Friday", "2019-12-13"),
        ("next Monday", "2019-12-16"),
        ("the coming Monday", "2019-12-16"),
        ("this past Monday", "2019-12-09"),
        ("Monday last week", "2019-12-02"),
        ("Monday of next week", "2019-12-16"),
        ("three days from now", "2019-12-13"),
        ("tonight", "2019-12-10"),
    ],
)
def test_a_day_without_date_goes_by_the_tense_of_its_verb(sentence, day):
    assert days(sentence, "2019-12-10") == [day]


@pytest.mark.parametrize(
    "sentence",
    [
        "It said it would meet on Monday.",
        "The law takes effect on Monday.",
        "The proposed law: all on Monday.",
        "It was scheduled for Monday.",
        "It was shut until Friday.",
        "He said that on Monday it will meet.",
        "It will meet on Tuesday.",  # the day of publication, or a week later
        "next Friday",  # the 13th or the 20th
        "last Monday",  # the 2nd or the 9th
        "this Monday",
        "It will start on October 24.",
        "It met on January 6.",
        "It agreed to cut rates on Monday.",
        "It will start in October.",
        "The Board met on November 24. It left on the 3rd.",
        "last November",
    ],
)
def test_what_may_be_past_or_future_stays_unresolved(sentence):
    statement = extract(sentence, "2019-12-10").statements[-1]
    assert statement.precision == "unresolved"
    assert statement.reason


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("offset", range(7))
def test_every_day_of_the_week_seen_from_every_other(weekday, offset):
    name = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][weekday]
    published = dt.date(2019, 12, 23) + dt.timedelta(days=offset)
    (past,) = days(f"The bank met on {name}.", published.isoformat())
    past = dt.date.fromisoformat(past)
    assert past.weekday() == weekday
    assert 0 <= (published - past).days < 7
    future = days(f"The bank will meet on {name}.", published.isoformat())
    if weekday == published.weekday():
        assert future == []
    else:
        assert [dt.date.fromisoformat(day) for day in future] == [past + dt.timedelta(days=7)]


@pytest.mark.parametrize(
    "text", ["It meets every Monday.", "On Mondays it met.", "Black Friday came.", "a Thursday"]
)
def test_a_habit_or_a_name_is_no_day(text):
    assert mentions(text, "2019-12-10") == []


# --- periods -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "first", "last", "precision"),
    [
        ("Q3 2021", "2021-07-01", "2021-09-30", "quarter"),
        ("Q4'19", "2019-10-01", "2019-12-31", "quarter"),
        ("1Q20", "2020-01-01", "2020-03-31", "quarter"),
        ("2019-Q3", "2019-07-01", "2019-09-30", "quarter"),
        ("the fourth quarter of 2019", "2019-10-01", "2019-12-31", "quarter"),
        ("last quarter", "2019-07-01", "2019-09-30", "quarter"),
        ("next quarter", "2020-01-01", "2020-03-31", "quarter"),
        ("H1 2019", "2019-01-01", "2019-06-30", "half-year"),
        ("2H19", "2019-07-01", "2019-12-31", "half-year"),
        ("the second half of 2019", "2019-07-01", "2019-12-31", "half-year"),
        ("spring 2020", "2020-03-01", "2020-05-31", "season"),
        ("the summer of 2019", "2019-06-01", "2019-08-31", "season"),
        ("winter 2019-20", "2019-12-01", "2020-02-29", "season"),
        ("early 2020", "2020-01-01", "2020-12-31", "year"),
        ("mid-2019", "2019-01-01", "2019-12-31", "year"),
        ("the end of 2019", "2019-01-01", "2019-12-31", "year"),
        ("early next year", "2020-01-01", "2020-12-31", "year"),
        ("last year", "2018-01-01", "2018-12-31", "year"),
        ("next month", "2020-01-01", "2020-01-31", "month"),
        ("late October", "2019-10-01", "2019-10-31", "month"),
        ("end-October", "2019-10-01", "2019-10-31", "month"),
        ("the first half of November", "2019-11-01", "2019-11-30", "month"),
        ("October to December 2019", "2019-10-01", "2019-12-31", "month"),
        ("December to January 2020", "2019-12-01", "2020-01-31", "month"),
        ("2019-10", "2019-10-01", "2019-10-31", "month"),
        ("10/2019", "2019-10-01", "2019-10-31", "month"),
        ("next week", "2019-12-16", "2019-12-22", "week"),
        ("last weekend", "2019-12-07", "2019-12-08", "day"),
        ("this weekend", "2019-12-14", "2019-12-15", "day"),
        ("2019-W43", "2019-10-21", "2019-10-27", "week"),
        ("week 1 of 2020", "2019-12-30", "2020-01-05", "week"),
        ("2019年10月24日", "2019-10-24", "2019-10-24", "day"),
        ("10月24日", "2019-10-24", "2019-10-24", "day"),
        ("2019年10月", "2019-10-01", "2019-10-31", "month"),
    ],
)
def test_a_period_is_a_range_of_days(written, first, last, precision):
    (statement,) = extract(f"The plan is for {written}.", "2019-12-10").statements
    assert statement.mention == written
    assert (str(statement.start), str(statement.end)) == (first, last)
    assert statement.precision == precision


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("It grew in 2019.", "2019"),
        ("It grew from 2019 to 2021.", "2019/2021"),
        ("It grew between 2019 and 2021.", "2019/2021"),
        ("It grew in 2019-21.", "2019/2021"),
        ("It grew from October to December.", "2019-10/2019-12"),
        ("It grew in Q3 2019.", "2019-07-01/2019-09-30"),
    ],
)
def test_a_period_is_written_as_short_as_its_precision_allows(text, date):
    assert [found for _, found, _ in mentions(text, "2019-12-10")] == [date]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("in the third quarter", "without its year"),
        ("in Q3", "without its year"),
        ("in the first half of the year", "without its year"),
        ("in the summer", "not written"),
        ("next spring", "not written"),
        ("winter 2019", "may begin or end"),
        ("winter 2019-25", "two years"),
        ("FY2019", "fiscal"),
        ("FY19", "fiscal"),
        ("Q4FY19", "fiscal"),
        ("fiscal 2020", "fiscal"),
        ("the third fiscal quarter of 2019", "fiscal"),
        ("by the end of the year", "of which one"),
        ("the coming weeks", "no day"),
        ("next weekend", "two weekends"),
        ("2009-10", "2009 and 2010"),
        ("from 2021 to 2019", "ends before"),
        ("December 2019 to October 2019", "ends before"),
        ("week 60 of 2019", "no such week"),
        ("the 1990s", "decade"),
        ("today", "these days"),
        ("over the weekend", "no day"),
        ("at the turn of the year", "no day"),
        ("in the months ahead", "no day"),
        ("a fortnight ago", "no day"),
        ("until Monday week", "no day"),
        ("by mid-week", "no day"),
        ("Q3-Q4 2021", "no name"),
        ("in the first nine months of 2020", "no name"),
        ("in mid-to-late October", "no name"),
        ("on the last day of 2020", "no name"),
    ],
)
def test_a_vague_period_is_a_row_with_its_reason(written, reason):
    statement = extract(f"It grew {written}.", "2019-12-10").statements[0]
    assert (statement.precision, statement.date) == ("unresolved", "")
    assert reason in statement.reason


def test_on_a_sunday_weeks_are_counted_in_two_ways():
    (statement,) = extract("It fell last week.", "2019-12-15").statements
    assert "Sunday" in statement.reason


@pytest.mark.parametrize(
    "written",
    [
        *("26 October (2019)", "26 October of 2019", "26 Oct '2019", "October 26 - 2019"),
        *("2019 October 26", "2019, October 26", "2019 Oct 26", "October 26; 2019"),
        *("26 October ,19", "October 26 ,19", "26.Oct.19 firms"),
    ],
)
def test_a_number_beside_a_date_that_may_be_its_year_leaves_it_open(written):
    (statement,) = extract(f"It was on {written} that he spoke.", "2020-12-20").statements
    assert (statement.precision, statement.date) == ("unresolved", "")
    assert "may be its year" in statement.reason


def test_a_year_beside_a_date_may_be_that_of_the_day_of_publication():
    assert days("It was on October 26 (2020) that he spoke.", "2020-12-20") == ["2020-10-26"]


# --- a date without a year beside one with a year ------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Q3 2021 is planned for it. A test began in mid-September.",
        "It is due in Q3 2021, with a test in mid-September.",
        "A test in mid-September comes before Q3 2021.",
        "The rules of May 4, 2016 fell on June 3.",
        "It began on October 24, 2015. It was quiet on May 3.",
    ],
)
def test_another_year_nearby_leaves_the_year_open(text):
    yearless = [s for s in extract(text, "2019-08-30").statements if "20" not in s.mention]
    assert [s.precision for s in yearless] == ["unresolved"]
    assert "another date near it" in yearless[0].reason


def test_an_old_date_does_not_hide_a_new_one_in_the_next_sentence():
    text = "It was banned on September 4, 2017. On October 24 it was allowed."
    assert days(text, "2019-12-10") == ["2017-09-04", "2019-10-24"]


def test_a_list_takes_its_year_from_its_end():
    text = "It met on December 28, on December 30 and January 2, 2016."
    assert days(text, "2019-12-10") == ["2015-12-28", "2015-12-30", "2016-01-02"]


def test_a_bare_day_does_not_take_the_month_of_another_paragraph():
    text = "It was set up on May 4, 2015.\n\nThe board voted on the 26th."
    assert days(text, "2019-11-28") == ["2015-05-04", "2019-11-26"]


# --- times of day --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("at 12:08 p.m. EDT on October 24, 2019", "12:08-04:00"),
        ("on October 24, 2019, at 12:08 a.m. ET", "00:08-04:00"),
        ("on December 5, 2019 at 9 a.m. ET", "09:00-05:00"),
        ("on October 24, 2019 at 18:25 Beijing time", "18:25+08:00"),
        ("on October 24, 2019 at 6:25pm (HKT)", "18:25+08:00"),
        ("at 0930 GMT on October 24, 2019", "09:30+00:00"),
        ("on October 24, 2019 at 10.5", ""),
        ("at 12.08 pm EDT on October 24, 2019", "12:08-04:00"),
        ("on October 24, 2019 at 6.25 p.m. HKT", "18:25+08:00"),
        ("on 2019-10-24 18:25", "18:25"),
        ("at 2019-10-24T18:25:00+08:00", "18:25+08:00"),
        ("on 2019-10-24T18:25Z", "18:25+00:00"),
        ("at 9 a.m. BST on October 24, 2019", "09:00+01:00"),
        ("at noon CET on December 5, 2019", "12:00+01:00"),
        ("at 9 a.m. JST on October 24, 2019", "09:00+09:00"),
        ("at 9 a.m. UTC+8 on October 24, 2019", "09:00+08:00"),
        ("at 9 a.m. local time on October 24, 2019", "09:00"),
        ("from 9 a.m. SGT to 5 p.m. SGT on October 24, 2019", "09:00+08:00; 17:00+08:00"),
    ],
)
def test_a_time_of_day_stays_with_its_date(written, time):
    (statement,) = extract(f"The bank spoke {written}. Nobody objected.").statements
    assert (statement.time, statement.reason) == (time, "")
    assert statement.text == f"The bank spoke {written}."


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("9 a.m. CST", "China or of Chicago"),
        ("9 a.m. IST", "India"),
        ("9 a.m. EST", "did not keep EST on 2019-07-04"),
    ],
)
def test_a_zone_with_two_meanings_gives_no_offset(written, reason):
    (statement,) = extract(f"It began at {written} on July 4, 2019.").statements
    assert (statement.date, statement.time) == ("2019-07-04", "09:00")
    assert reason in statement.reason


def test_a_time_without_a_date_is_a_row():
    (statement,) = extract("At 12:08 p.m. EDT the bank spoke. So it was.").statements
    assert (statement.mention, statement.time) == ("12:08 p.m. EDT", "12:08-04:00")
    assert "without a date" in statement.reason
    assert statement.text == "At 12:08 p.m. EDT the bank spoke."


def test_a_regional_time_on_an_unknown_day_has_no_offset():
    (statement,) = extract(
        "That day at 9 a.m. ET the bank spoke, and that night it slept."
    ).statements[:1]
    assert statement.time == "09:00"
    assert "depends on the day" in statement.reason


def test_midnight_is_named_but_not_told():
    (statement,) = extract("It ended at midnight on October 24, 2019.").statements
    assert (statement.date, statement.time) == ("2019-10-24", "")
    assert "midnight" in statement.reason


def test_a_time_before_its_day_does_not_end_the_sentence():
    (statement,) = extract("It closed at 9 p.m. Monday.", "2019-12-10").statements
    assert (statement.date, statement.time) == ("2019-12-09", "21:00")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("26 October,2019", "2019-10-26"),
        ("26October2019", "2019-10-26"),
        ("October24,2019", "2019-10-24"),
        ("24/Oct/2019", "2019-10-24"),
        ("Oct-24-2019", "2019-10-24"),
        ("Oct.24", "2019-10-24"),
        ("Thurs., Oct. 24", "2019-10-24"),
        ("October 24, Thursday", "2019-10-24"),
        ("Oct. 24–26", "2019-10-24/2019-10-26"),
    ],
)
def test_missing_blanks_and_other_signs_do_not_hide_a_date(written, day):
    assert days(f"It was on {written}.", "2019-12-10") == [day]


@pytest.mark.parametrize(
    "written",
    [
        *("26 October ,2019", "26 October , 2019", "October 26 ,2019", "26 October.2019"),
        *("26.Oct.2019", "26.Oct.19", "Oct-26-19"),
    ],
)
def test_a_year_behind_odd_signs_is_that_of_the_day(written):
    assert days(f"It was on {written}.", "2020-12-10") == ["2019-10-26"]


# --- never another day ---------------------------------------------------------------------------

WITH_YEAR = [
    *["%B {d}, %Y", "{d} %B %Y", "{d} %B,%Y", "{d}%b%Y", "%B{d},%Y", "%b-{d}-%Y", "{d}/%b/%Y"],
    *["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "{d}-%b-%Y"],
    *["%Y年%m月%d日", "%A, %B {d}, %Y", "{d} %b. %Y", "the {o} of %B, %Y", "%B {d} %Y"],
]
SHORT_YEAR = [
    *["{d} %b %y", "{d}-%b-%y", "%B {d}, '%y", "{d} %B ’%y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y"],
    *["%y-%m-%d", "%y/%m/%d", "%B {d}, %y", "%B {d} %y", "{d} %b, %y"],
]
NO_YEAR = ["%B {d}", "{d} %b.", "%A, {d} %B", "the {o} of %B", "%b{d}", "%m月%d日", "%A, %b. {d}"]
SENTENCES = ["It was on {}.", "It fell on {} and rose.", "On {} it fell", "On {}, 20 firms left."]
DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2060, 12, 31))


def rendered(day, style):
    ordinal = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10 * (day.day not in (11, 12, 13)), "th")
    style = style.replace("{d}", str(day.day)).replace("{o}", f"{day.day}{ordinal}")
    return day.strftime(style).replace("May.", "May")


def assert_that_day_or_a_reason(text, published, day):
    statements = extract(text, published.isoformat()).statements
    assert statements, text
    for statement in statements:
        if statement.precision == "unresolved":
            assert statement.reason
        else:
            assert statement.start <= day <= statement.end, (text, published)
            if statement.precision == "day":
                assert statement.start == day, (text, published)


@settings(max_examples=80, deadline=None)
@given(DAYS, DAYS, st.sampled_from(WITH_YEAR), st.sampled_from(SENTENCES))
def test_a_date_with_its_year_is_never_another_day(day, published, style, sentence):
    assert_that_day_or_a_reason(sentence.format(rendered(day, style)), published, day)


@settings(max_examples=80, deadline=None)
@given(
    DAYS, st.integers(-49 * 365, 49 * 365), st.sampled_from(SHORT_YEAR), st.sampled_from(SENTENCES)
)
def test_a_date_with_two_digits_of_its_year_is_never_another_day(day, distance, style, sentence):
    published = day + dt.timedelta(days=distance)
    if 1900 <= published.year <= 2099:
        assert_that_day_or_a_reason(sentence.format(rendered(day, style)), published, day)


@settings(max_examples=80, deadline=None)
@given(
    DAYS, st.integers(-92, 272), st.sampled_from(NO_YEAR), st.sampled_from([*SENTENCES, "by {}."])
)
def test_a_date_without_its_year_is_never_another_day(day, distance, style, sentence):
    published = day + dt.timedelta(days=distance)
    assert_that_day_or_a_reason(sentence.format(rendered(day, style)), published, day)


@settings(max_examples=80, deadline=None)
@given(DAYS, st.integers(-6, 6), st.booleans())
def test_a_weekday_is_never_another_day(day, distance, plain):
    published = day + dt.timedelta(days=distance)
    verb = "met" if day <= published else "will meet"
    name = f"{day:%A}" if plain else f"{'last' if day < published else 'next'} {day:%A}"
    if plain or distance != 0:
        assert_that_day_or_a_reason(f"The bank {verb} on {name}.", published, day)


# --- paragraphs and sentences --------------------------------------------------------------------


def test_paragraphs_and_sentences_are_counted_from_one():
    text = (
        "A heading\n\nNothing was said at first. Then, on Oct. 24, the U.S. Treasury\n"
        "acted at 9 p.m. local time. Nobody objected.\n\nOn Nov. 3, 2019 it ended."
    )
    first, second = extract(text).statements
    assert (first.paragraph, first.sentence) == (2, 2)
    assert first.text == "Then, on Oct. 24, the U.S. Treasury acted at 9 p.m. local time."
    assert (second.paragraph, second.sentence) == (3, 1)


def test_without_blank_lines_every_line_is_a_paragraph():
    article = read_article(io.BytesIO(b"One line.\r\nAnother line.\r\n"))
    assert article.paragraphs == ("One line.", "Another line.")


def test_long_paragraphs_keep_their_sentence_numbers():
    filler = "The committee heard another witness about the fees. "
    (statement,) = extract(filler * 200 + "It rose on October 24, 2019. " + filler * 50).statements
    assert statement.sentence == 201
    assert statement.text == "It rose on October 24, 2019."


def test_html_gives_its_blocks_without_scripts_and_navigation():
    page = """<!DOCTYPE html><html><head><title>October 1, 2019</title></head><body>
      <nav>October 2, 2019</nav><h1>A rule</h1>
      <div>Before <p>On <b>October</b> 24, 2019 the
      rule &amp; its annex were sent.</p> After<br><br>the break</div>
      <script>var d = "October 3, 2019";</script><!-- October 4, 2019 --></body></html>"""
    article = read_article(io.BytesIO(page.encode()))
    assert article.paragraphs == (
        "A rule",
        "Before",
        "On October 24, 2019 the rule & its annex were sent.",
        "After",
        "the break",
    )
    assert [s.mention for s in dated_statements(article).statements] == ["October 24, 2019"]


def test_the_date_a_page_states_about_itself_is_its_day_of_publication():
    page = (
        '<html><head><meta property="article:published_time" content="2019-12-10T08:00:00Z"></head>'
        "<body><p>The list was read on October 24.</p></body></html>"
    )
    article = read_article(io.BytesIO(page.encode()))
    extraction = dated_statements(article)
    assert article.published == dt.date(2019, 12, 10)
    assert extraction.statements[0].date == "2019-10-24"
    assert "stated by the page" in extraction.year_basis
    given = dated_statements(article, dt.date(2018, 12, 10))
    assert given.statements[0].date == "2018-10-24"


def test_html_in_a_declared_encoding_is_read():
    page = '<html><head><meta charset="gb2312"></head><p>The bank (中国) spoke on May 4, 2019.</p>'
    article = read_article(io.BytesIO(page.encode("gb18030")))
    assert article.paragraphs == ("The bank (中国) spoke on May 4, 2019.",)


@pytest.mark.parametrize("charset", ["no-such-set", "utf-8", "ascii", "hex"])
def test_html_that_is_not_in_its_declared_encoding_is_refused(charset):
    page = f'<html><head><meta charset="{charset}"></head>\n<p>The caf\xe9 spoke.</p>'
    with pytest.raises(InputError, match='line 2: found "byte 0xe9"'):
        read_article(io.BytesIO(page.encode("latin-1")))


def test_a_date_the_page_states_in_no_format_is_ignored():
    page = '<html><head><meta name="pubdate" content="May 4"></head><p>It fell on May 4, 2019.</p>'
    assert read_article(io.BytesIO(page.encode())).published is None


def test_a_file_and_a_stream_give_the_same_article(tmp_path):
    content = "\ufeffThe bank spoke on May 4, 2019.".encode()
    path = tmp_path / "article.txt"
    path.write_bytes(content)
    from_file, from_stream = read_article(path), read_article(io.BytesIO(content))
    assert from_file.paragraphs == from_stream.paragraphs == ("The bank spoke on May 4, 2019.",)
    assert from_file.checksum == hashlib.sha256(content).hexdigest()


def test_standard_input_is_written_as_a_dash(monkeypatch):
    class Stdin:
        buffer = io.BytesIO(b"The bank spoke on May 4, 2019.")

    monkeypatch.setattr("sys.stdin", Stdin)
    assert read_article("-").paragraphs == ("The bank spoke on May 4, 2019.",)


def test_a_process_without_standard_input_has_no_article(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match=r"standard input: .* is empty"):
        read_article("-")


# --- actors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "actor"),
    [
        ("On October 24, Lena Brandt emphasized the need.", "Lena Brandt"),
        ("On October 24, Bo Lin, deputy head of the Trade Office, said so.", "Bo Lin"),
        ("“No,” said Lena Brandt, head of the Trade Office, on October 24.", "Lena Brandt"),
        (
            "On October 24 the Ministry of Trade and Industry jointly issued it.",
            "Ministry of Trade and Industry",
        ),
        (
            "The 3rd Session of the State Council has approved it on October 24.",
            "3rd Session of the State Council",
        ),
        ("On October 24, at the Harbour Forum in Oslo, Bo Lin said so.", "Bo Lin"),
        (
            "A list released by the Securities Commission on October 24 grew.",
            "Securities Commission",
        ),
        ("According to Harbour News, it began on October 24.", "Harbour News"),
        ("On October 24 the tax was welcomed at the Ministry of Trade.", "Ministry of Trade"),
        ("On October 24 the BBC programme was seen by many.", "BBC"),
        ("The U.S. Treasury announced it on October 24.", "U.S. Treasury"),
        ("“Yes,” said Dr. J. K. Lin on October 24.", "Dr. J. K. Lin"),
        ("President Brandt spoke on October 24.", "President Brandt"),
        ("It said on Oct. 23 that it would close on October 24.", ""),
        ("On October 24, prices rose by a third.", ""),
        ("He said on October 24 that the regulator approved it.", ""),
    ],
)
def test_the_actor_is_the_named_body_or_speaker(sentence, actor):
    first = sentence.index("October")
    assert find_actor(sentence, first, first + len("October 24")) == actor


def test_each_date_of_a_sentence_has_the_actor_of_its_own_part():
    text = (
        "On May 4, 2019, OPEC adopted a rule; on {}, 2019, prices fell; on {}, 2019, Bo Lin warned."
    )
    statements = extract(text.format("June 5", "July 6")).statements
    assert [s.actor for s in statements] == ["OPEC", "", "Bo Lin"]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"<html><body><script>1</script></body></html>", "holds no text"),
        (b"text\0text", "is binary"),
        (b"%PDF-1.7 and so on", "is binary"),
        (b"first line\nthe caf\xe9 said", 'line 2: found "byte 0xe9"'),
        ("人民银行发布通知。" * 50, "not in English"),
        (
            "Der Rat hat am 24. Oktober die Verordnung zu dem Handel erlassen. " * 20,
            "not in English",
        ),
        (b"a " * 1_000_001, "larger than 2,000,000 bytes"),
        (b"It is so.\n\n" * 60_000, "500,000"),
    ],
)
def test_unusable_input_is_refused_with_a_reason(content, message):
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(InputError, match=message):
        read_article(io.BytesIO(content))


def test_a_paragraph_over_20_kb_is_refused_where_it_begins():
    with pytest.raises(InputError, match=r"line 3: .*paragraph 2 has 20,0\d\d:"):
        read_article(io.BytesIO(b"Title.\n\n" + b"it is so " * 2223 + b"."))


def test_a_sentence_without_end_is_refused():
    with pytest.raises(InputError, match="paragraph 1, sentence 1 has 6,2"):
        extract("on October 24, 2019 and " * 260)


@pytest.mark.parametrize("name", ["missing.txt", "a\0b", "."])
def test_a_file_that_cannot_be_read_is_named(name):
    with pytest.raises(
        InputError, match=r"a file that can be read|a regular file; this is a folder"
    ):
        read_article(name)


def test_50_mb_are_not_read():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            assert size >= 0
            self.given += size
            return b"x" * size

    source = Endless()
    with pytest.raises(InputError, match="larger"):
        read_article(source)
    assert source.given < 3_000_000


@pytest.mark.parametrize(
    "piece",
    [
        "1. a 2. b is the ",
        "a. ",
        '"a. ',
        "the May ",
        "<!-- ",
        "<a ",
        "<p x='",
        "1-",
        "of The, ",
        "24, ",
    ],
)
def test_hostile_text_is_read_to_its_end(piece):
    content = ("<p>" * piece.startswith("<") + "On October 24, 2019 " + piece * 12_000)[:12_000]
    with contextlib.suppress(InputError):
        extract(content)


WORDS = """
October Oct. May may 24 24th 2019 2020 - – / . , ; on the of in to and between Friday last ago three
months 31 30 February 0 99 " “ ’ ( ) <p> </p> <br> & é 中 Ministry said U.S. No. a1 night 10/11/2019
"""
PIECES = st.sampled_from([*WORDS.split(), "\n", "\n\n"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(ANY, max_size=300), st.lists(PIECES, max_size=30).map(" ".join)),
    st.booleans(),
)
def test_any_text_is_extracted_or_refused(text, dated):
    try:
        article = read_article(io.BytesIO(text.encode()))
        extraction = dated_statements(article, dt.date(2019, 12, 10) if dated else None)
    except InputError:
        return
    for statement in extraction.statements:
        paragraph = article.paragraphs[statement.paragraph - 1]
        assert statement.mention in statement.text
        assert statement.text in paragraph
        if statement.precision == "unresolved":
            assert statement.reason
            assert statement.start is None
        else:
            assert statement.start <= statement.end


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(InputError):
        assert read_article(io.BytesIO(content)).paragraphs


@settings(max_examples=60, deadline=None)
@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)),
    st.sampled_from(["%B {d}, %Y", "{d} %B %Y", "%Y-%m-%d", "%b. {d}, %Y", "the {d} of %B %Y"]),
)
def test_every_day_of_two_centuries_is_read_back(day, style):
    written = day.strftime(style.replace("{d}", str(day.day))).replace("May.", "May")
    assert days(f"The registry was opened on {written}.") == [day.isoformat()]


# --- the article of the study --------------------------------------------------------------------


@needs_article
def test_all_month_day_mentions_of_the_article_are_found_and_nothing_else():
    extraction = dated_statements(read_article(ARTICLE))
    assert extraction.year == 2019
    found = [(s.mention, s.date) for s in extraction.statements if s.precision == "day"]
    assert found == [
        ("October 24", "2019-10-24"),
        ("October 25", "2019-10-25"),
        ("October 28", "2019-10-28"),
        ("November 14", "2019-11-14"),
        ("December 5", "2019-12-05"),
        ("October 26", "2019-10-26"),
        ("January 1, 2020", "2020-01-01"),
        ("October 31", "2019-10-31"),
        ("November 6", "2019-11-06"),
        ("November 4", "2019-11-04"),
        ("October 28", "2019-10-28"),
        ("December 5", "2019-12-05"),
        ("October 8", "2019-10-08"),
        ("November 16", "2019-11-16"),
        ("October 24", "2019-10-24"),
        ("November 19th", "2019-11-19"),
    ]
    others = [
        (s.mention, s.date, s.precision) for s in extraction.statements if s.precision != "day"
    ]
    assert others == [
        ("that night", "", "unresolved"),
        ("three months after", "", "unresolved"),
        ("Not long ago", "", "unresolved"),
        ("July this year", "2019-07", "month"),
        ("Not long ago", "", "unresolved"),
    ]


@needs_article
@pytest.mark.parametrize("published", ["2019-12-06", "2019-12-31", "2020-02-01"])
def test_the_day_of_publication_gives_the_article_the_same_days(published):
    article = read_article(ARTICLE)
    inferred = [s.start for s in dated_statements(article).statements if s.precision == "day"]
    given = dated_statements(article, dt.date.fromisoformat(published))
    assert [s.start for s in given.statements if s.precision == "day"] == inferred


@needs_article
def test_the_actors_of_the_article_are_its_issuers():
    statements = dated_statements(read_article(ARTICLE)).statements
    actors = {(s.date, s.actor) for s in statements if s.precision == "day" and s.actor}
    for expected in [
        ("2019-10-08", "UNICEF"),
        ("2019-10-24", "Xi Jinping"),
        ("2019-10-28", "Huang Qifan"),
        ("2019-11-04", "Ministry of Industry and Information Technology"),
        ("2019-11-06", "Development and Reform Commission"),
        ("2019-11-16", "BRICS"),
        ("2019-11-19", "CCTV"),
        ("2019-12-05", "People's Bank of China"),
    ]:
        assert expected in actors
    assert not any(s.actor for s in statements if s.date == "2019-10-25")
