import pandas as pd
import pytest

from chainpolicy.study.folder import read_folder
from chainpolicy.study.problems import InputError

HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"


@pytest.fixture
def folder(tmp_path):
    """Files in the layout of Yahoo's downloads, by ticker."""

    def write(**files):
        for ticker, rows in files.items():
            name = ticker.replace("_", "-")
            (tmp_path / f"{name}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        return tmp_path

    return write


def row(day, close, volume=5):
    return f"{day},1,1,1,99,{close},{volume}"


def problems(path, **options):
    with pytest.raises(InputError) as caught:
        read_folder(path, **options)
    return [str(problem) for problem in caught.value.problems]


def test_adjusted_closes_of_the_wanted_tickers_between_both_ends(folder):
    path = folder(
        SPY=[row("2019-01-04", 252.5), row("2019-01-02", 250.25), row("2019-01-03", 244)],
        BTC_USD=[row("2019-01-01", "3.5e3"), row("2019-01-05", 1), row("2018-12-31", "rubbish")],
        OTHER=["rubbish"],
    )
    found = read_folder(
        path,
        "2019-01-01",
        "2019-01-04",
        ["SPY", "BTC-USD"],
        {"SPY": "XNYS", "BTC-USD": "24/7"},
    )
    expected = pd.DataFrame(
        {
            "date": pd.to_datetime(["2019-01-01", "2019-01-02", "2019-01-03", "2019-01-04"]),
            "ticker": ["BTC-USD", "SPY", "SPY", "SPY"],
            "close": [3500.0, 250.25, 244.0, 252.5],
        }
    ).astype({"date": "datetime64[ns]", "ticker": "str"})
    pd.testing.assert_frame_equal(found, expected)
    assert found.attrs["unused_tickers"] == ("OTHER",)


def test_all_files_by_default_and_no_volume_needed(tmp_path):
    (tmp_path / "AAA.csv").write_text("Date,Adj Close\n2019-01-02,1\n2019-01-03,1\n")
    found = read_folder(tmp_path)
    assert found["close"].tolist() == [1.0, 1.0]
    assert found["ticker"].tolist() == ["AAA", "AAA"]


def test_days_without_a_price_are_gaps(folder):
    path = folder(
        AAA=[
            row("2019-01-02", 1),
            "2019-01-03,null,null,null,null,null,null",
            row("2019-01-04", ""),
            row("2019-01-07", 2),
            row("2019-01-08", 2, volume=0),
            row("2019-01-09", 3),
            "2019-01-12,null,null,null,null,null,null",  # a Saturday
        ]
    )
    assert read_folder(path, calendars={"AAA": "XNYS"})["date"].dt.day.tolist() == [2, 7, 9]


def test_a_byte_order_mark_line_ends_of_windows_and_another_order_are_fine(tmp_path):
    text = "\r\n".join(["Volume,Adj Close,Date", "5,2.5,2019-01-03", "", "6,2,2019-01-02", ""])
    (tmp_path / "^IX.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = read_folder(tmp_path, tickers=["^IX"], calendars={"^IX": "XNYS"})
    assert found["close"].tolist() == [2.0, 2.5]
    assert found["ticker"].unique().tolist() == ["^IX"]


PRICE = "a positive number like 1234.5, or null on a day without a price"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            ", line 1: expected a header with the columns Date, Adj Close, separated by commas; "
            "the first line is",
        ),
        (HEADER + "\n", ", Adj Close: expected at least one price in the study's dates"),
        ("Date;Adj Close\n", "separated by commas"),
        (
            "Date,Adj. Close\n",
            ", line 1, Adj Close: expected this column; it is missing; is it the",
        ),
        (
            f"{HEADER}\n{row('2019-01-02', 'x')}",
            f', line 2, Adj Close: found "x"; expected {PRICE}',
        ),
        (
            "\n".join([HEADER, row("2019-01-02", '"1,234.5"')]),
            f', line 2, Adj Close: found "1,234.5"; expected {PRICE}',
        ),
        (
            "\n".join([HEADER, row("2019-01-02", "1,234.5")]),
            ', line 2: found "8 fields"; expected 7 fields, as in the header; quote a value that',
        ),
        (
            "\n".join([HEADER, row("2019-01-02", 2, volume='"1,234"')]),
            ', line 2, Volume: found "1,234"; expected a number like 1234500, or null',
        ),
        (
            "\n".join([HEADER, row("01/02/2019", 2)]),
            ', line 2, Date: found "01/02/2019"; expected a date YYYY-MM-DD',
        ),
    ],
)
def test_a_file_of_another_form_says_what_is_wrong(tmp_path, text, expected):
    (tmp_path / "AAA.csv").write_text(text)
    (found,) = problems(tmp_path)
    assert found.startswith(f"{tmp_path.name}/AAA.csv")
    assert expected in found


def test_everything_wrong_is_told_at_once_with_its_place(folder):
    path = folder(
        AAA=[row("2019-01-02", 0), row("2019-01-03", "x"), row("2019-13-01", 1)],
        BBB=[row("2019-01-02", 1), row("2019-01-02", 2), row("2019-01-05", 1)],
        CCC=[row("2018-01-02", 1)],
    )
    (path / "DDD.csv").write_text("Date,Close\n2019-01-02,1\n")
    name = path.name
    found = problems(
        path,
        start="2019-01-01",
        end="2019-01-31",
        tickers=["AAA", "BBB", "CCC", "DDD", "EEE"],
        calendars={"BBB": "XNYS", "AAA": "XNYS"},
    )
    assert found[:3] == [
        f'{name}/AAA.csv, line 2, Adj Close: found "0"; expected {PRICE}',
        f'{name}/AAA.csv, line 3, Adj Close: found "x"; expected {PRICE}',
        f'{name}/AAA.csv, line 4, Date: found "2019-13-01"; expected a date YYYY-MM-DD',
    ]
    assert found[3].startswith(f'{name}/BBB.csv, line 3, Date: found "2019-01-02"; expected each')
    assert found[4].startswith(
        f'{name}/BBB.csv, line 4, Date: found "2019-01-05"; expected a session of calendar XNYS'
    )
    assert found[4].endswith("XNYS,2019-01-05,open")
    assert found[5].startswith(f"{name}/CCC.csv, Adj Close: expected at least one price in")
    assert found[6].startswith(f"{name}/DDD.csv, line 1, Adj Close: expected this column")
    assert found[7].startswith(f"{name}/EEE.csv: expected a file of this name in ")
    assert len(found) == 8


def test_days_that_no_calendar_reaches(folder):
    path = folder(AAA=[row("2190-01-02", 1)])
    (found,) = problems(path, calendars={"AAA": "XNYS"})
    expected = f'{path.name}/AAA.csv, line 2, Date: found "2190-01-02"; expected a day between'
    assert found.startswith(expected)


def test_an_empty_folder(tmp_path):
    (found,) = problems(tmp_path)
    assert found == f"{tmp_path.name}: expected a folder with a file <ticker>.csv for each asset"
