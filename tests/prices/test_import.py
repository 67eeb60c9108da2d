"""Downloads in each provider's form: read right, or refused with their place, and nothing lost."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainpolicy import cli
from chainpolicy.prices.downloads import Dialect, read_download
from chainpolicy.prices.importing import import_prices
from chainpolicy.study import new_study
from chainpolicy.study.problems import InputError, Problem

YAHOO = """\
Date,Open,High,Low,Close,Adj Close,Volume
2018-03-29,170.0,171.2,169.9,171.05,164.25,100
2018-04-02,167.9,168.9,164.5,166.68,160.06,200
2018-04-03,null,null,null,null,null,null
2018-04-04,164.9,172.0,164.8,171.61,164.79,300
"""
STOOQ = """\
Date,Open,High,Low,Close,Volume
2018-03-29,39.6,40.2,39.5,40.103,1000
2018-04-02,39.6,40.0,38.7,39.08,1000
"""
STOOQ_POLISH = """\
Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen
2018-03-29,39.6,40.2,39.5,40.103,1000
2018-04-02,39.6,40.0,38.7,39.08,1000
"""
STOOQ_BULK = """\
<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
ACME.US,D,20180329,000000,39.6,40.2,39.5,40.103,1000,0
BOLT.US,D,20180402,000000,39.6,40.0,38.7,39.08,1000,0
"""
INVESTING = (
    "\N{ZERO WIDTH NO-BREAK SPACE}"
    '"Date","Price","Open","High","Low","Vol.","Change %"\n'
    '"25/04/2018","1,234.50","1,230.10","1,240.00","1,229.00","1.23M","0.40%"\n'
    '"24/04/2018","998.10","990.00","999.00","980.00","-","-0.10%"\n'
    '"03/04/2018","1,000.00","990.00","999.00","980.00","900.10K","-0.10%"\n'
)
INVESTING_GERMAN = (
    '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"\n'
    '"25.04.2018","1.234,50","1.230,10","1.240,00","1.229,00","1,23M","0,40%"\n'
    '"03.04.2018","1.000,00","990,00","999,00","980,00","","-0,10%"\n'
)
SEMICOLONS = "Date;Close\n2018-04-03;1234,5\n2018-04-04;987,25\n"
APRIL = [("2018-03-29", 164.25), ("2018-04-02", 160.06), ("2018-04-04", 164.79)]
STOOQ_CLOSES = [("2018-03-29", 40.103), ("2018-04-02", 39.08)]
INVESTED = [("2018-04-03", 1000.0), ("2018-04-24", 998.1), ("2018-04-25", 1234.5)]


@pytest.fixture
def study(tmp_path) -> Path:
    folder = new_study(tmp_path / "study")
    (folder / "prices.csv").unlink()
    return folder


def read(study: Path) -> dict[str, list[tuple[str, float]]]:
    """The price file, by the standard library's measure of what a CSV file is."""
    found: dict[str, list[tuple[str, float]]] = {}
    for line in (study / "prices.csv").read_text(encoding="utf-8").splitlines()[1:]:
        day, ticker, close = line.split(",")
        found.setdefault(ticker, []).append((day, float(close)))
    return found


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def refusal(study: Path, *sources: tuple[str | None, Path], **choices: object) -> str:
    with pytest.raises(InputError) as caught:
        import_prices(sources, study, Dialect(**choices))
    assert not (study / "prices.csv").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "dialect", "column", "expected"),
    [
        (YAHOO, {}, "Adj Close", APRIL),
        (
            YAHOO,
            {"column": "Close"},
            "Close",
            [("2018-03-29", 171.05), ("2018-04-02", 166.68), ("2018-04-04", 171.61)],
        ),
        (YAHOO.replace("\n", "\r\n"), {}, "Adj Close", APRIL),
        (YAHOO.replace(",", "\t"), {}, "Adj Close", APRIL),
        (STOOQ, {}, "Close", STOOQ_CLOSES),
        (STOOQ_POLISH, {}, "Zamkniecie", STOOQ_CLOSES),
        (INVESTING, {}, "Price", INVESTED),
        (INVESTING, {"dayfirst": True, "decimal": "."}, "Price", INVESTED),
        (
            INVESTING_GERMAN,
            {"column": "Zuletzt"},
            "Zuletzt",
            [("2018-04-03", 1000.0), ("2018-04-25", 1234.5)],
        ),
        (SEMICOLONS, {}, "Close", [("2018-04-03", 1234.5), ("2018-04-04", 987.25)]),
        (
            "Date,Close\n04/25/2018,2\n04/03/2018,1\n",
            {},
            "Close",
            [("2018-04-03", 1.0), ("2018-04-25", 2.0)],
        ),
        (
            'Date,Close\n"Apr 25, 2018",2\n"Mar 4, 2018",1\n',
            {},
            "Close",
            [("2018-03-04", 1.0), ("2018-04-25", 2.0)],
        ),
        (
            "Date,Close\n2018-04-03 00:00:00-04:00,1\n2018-04-04T00:00:00Z,2\n",
            {},
            "Close",
            [("2018-04-03", 1.0), ("2018-04-04", 2.0)],
        ),
        (
            "Date,Close\n2018/04/03,1 234.5\n20180404,12'345.5\n",
            {},
            "Close",
            [("2018-04-03", 1234.5), ("2018-04-04", 12345.5)],
        ),
    ],
)
def test_a_file_of_one_ticker(study, tmp_path, text, dialect, column, expected):
    report = import_prices(
        [("ACME", write(tmp_path, "download.csv", text))], study, Dialect(**dialect)
    )
    assert read(study) == {"ACME": expected}
    assert report.series.to_dict("records") == [
        {
            "ticker": "ACME",
            "rows": len(expected),
            "first": pd.Timestamp(expected[0][0]),
            "last": pd.Timestamp(expected[-1][0]),
            "column": column,
            "file": "download.csv",
        }
    ]


def test_the_name_of_a_file_is_its_ticker(study, tmp_path):
    import_prices([(None, write(tmp_path, "0700.HK.csv", YAHOO))], study)
    assert read(study) == {"0700.HK": APRIL}


def test_the_bulk_files_of_stooq_name_their_tickers(study, tmp_path):
    import_prices([(None, write(tmp_path, "all.txt", STOOQ_BULK))], study)
    assert read(study) == {"ACME.US": [STOOQ_CLOSES[0]], "BOLT.US": [STOOQ_CLOSES[1]]}
    (study / "prices.csv").unlink()
    hours = write(tmp_path, "hours.txt", STOOQ_BULK.replace("BOLT.US,D", "BOLT.US,60"))
    assert 'hours.txt, line 3, PER: found "60"' in refusal(study, (None, hours))


DAYS = pd.DatetimeIndex(["2018-03-29", "2018-03-31", "2018-04-02"], name="Date")
BY_FIELD = {
    ("Adj Close", "ACME"): [1.25, np.nan, 1.5],
    ("Adj Close", "BTC-USD"): [7000.1, 6900.2, 7050.3],
    ("Close", "ACME"): [2.25, np.nan, 2.5],
    ("Close", "BTC-USD"): [7000.1, 6900.2, 7050.3],
    ("Volume", "ACME"): [10, np.nan, 20],
    ("Volume", "BTC-USD"): [10, 20, 30],
}
TWO = {
    "ACME": [("2018-03-29", 1.25), ("2018-04-02", 1.5)],
    "BTC-USD": [("2018-03-29", 7000.1), ("2018-03-31", 6900.2), ("2018-04-02", 7050.3)],
}


def by_field(names: tuple[str | None, str | None] = ("Price", "Ticker")) -> pd.DataFrame:
    """What yfinance's `download` returns for two tickers with `auto_adjust=False`."""
    columns = pd.MultiIndex.from_tuples(list(BY_FIELD), names=names)
    return pd.DataFrame(np.array(list(BY_FIELD.values())).T, index=DAYS, columns=columns)


def long_form() -> pd.DataFrame:
    return by_field().stack(level="Ticker").reset_index()  # noqa: PD013


FRAMES = {
    "wide": by_field,
    "wide, names lost": lambda: by_field((None, None)),
    "wide, by ticker": lambda: by_field().swaplevel(axis=1).sort_index(axis=1),
    "wide, exchange's midnight": lambda: by_field().tz_localize("America/New_York"),
    "wide, UTC midnight": lambda: by_field().tz_localize("UTC"),
    "long": long_form,
    "long, indexed": lambda: long_form().set_index(["Date", "Ticker"]),
    "long, newest first": lambda: long_form().iloc[::-1],
    "closes alone": lambda: by_field()["Adj Close"],
}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_yfinance(study, tmp_path, name, form):
    path = tmp_path / f"prices.{form}"
    frame = FRAMES[name]()
    indexed = not isinstance(frame.index, pd.RangeIndex) and name != "long, newest first"
    if form == "csv":
        frame.to_csv(path, index=indexed)
    else:
        (frame if indexed else frame.reset_index(drop=True)).to_parquet(path)
    import_prices([(None, path)], study)
    assert read(study) == TWO


def test_a_ticker_that_yfinance_did_not_find_is_left_out_and_said(study, tmp_path):
    frame = by_field()
    frame["Adj Close", "GONE"] = np.nan
    frame.to_csv(tmp_path / "prices.csv")
    report = import_prices([(None, tmp_path / "prices.csv")], study)
    assert read(study) == TWO
    assert "tickers without any price are left out: GONE" in report.remarks


def test_a_wide_frame_without_its_index_in_front(study, tmp_path):
    by_field().reset_index().to_csv(tmp_path / "prices.csv", index=False)
    import_prices([(None, tmp_path / "prices.csv")], study)
    assert read(study) == TWO


def test_the_history_of_one_ticker_of_yfinance(study, tmp_path):
    frame = pd.DataFrame(
        {"Open": [1.0, 2.0], "Close": [1.5, 2.5], "Volume": [5, 6], "Dividends": [0.0, 0.0]},
        index=pd.DatetimeIndex(["2018-03-29", "2018-04-02"], name="Date", tz="America/New_York"),
    )
    frame.assign(**{"Stock Splits": 0.0}).to_csv(tmp_path / "ACME.csv")
    import_prices([(None, tmp_path / "ACME.csv")], study)
    assert read(study) == {"ACME": [("2018-03-29", 1.5), ("2018-04-02", 2.5)]}


@pytest.mark.parametrize(
    ("text", "dialect", "message"),
    [
        # The third of April or the fourth of March: nothing in the file says it.
        (
            "Date,Close\n03/04/2018,1\n04/04/2018,2\n",
            {},
            'x.csv, line 2, date: found "03/04/2018"; expected 2018-04-03 or 2018-03-04? Say it '
            "with --dayfirst or --monthfirst",
        ),
        # Both orders are needed.
        (
            "Date,Close\n25/04/2018,1\n26/04/2018,1\n04/27/2018,2\n",
            {},
            'x.csv, line 4, date: found "04/27/2018"; expected a date that is written day first, '
            "as the other dates are",
        ),
        (
            "Date,Close\n04/25/2018,1\n",
            {"dayfirst": True},
            'x.csv, line 2, date: found "04/25/2018"; expected a date that is written day first, '
            "as was said",
        ),
        ("Date,Close\n31/02/2018,1\n", {}, 'line 2, date: found "31/02/2018"; expected a date'),
        ("Date,Close\n03/04/18,1\n", {}, 'line 2, date: found "03/04/18"; expected a date such'),
        ("Date,Close\n43193,1\n", {}, 'line 2, date: found "43193"; expected a date such as'),
        ("Date,Close\n3018-01-01,1\n", {}, 'line 2, date: found "3018-01-01"; expected a date of'),
        (
            "Date,Close\n2018-04-03 15:30:00,1\n",
            {},
            'line 2, date: found "2018-04-03 15:30:00"; expected a day: prices are daily',
        ),
        (
            'Date,Close\n2018-04-03,"1,234"\n2018-04-04,"1,250"\n',
            {},
            'x.csv, line 2, Close: found "1,234"; expected 1234 or 1.234? Say it with --decimal',
        ),
        (
            "Date;Close\n2018-04-03;987\n2018-04-04;1.234\n",
            {},
            'x.csv, line 3, Close: found "1.234"; expected 1.234 or 1234? Say it with --decimal',
        ),
        (
            "Date,Close\n2018-04-03,1.5\n2018-04-04,12.34.5\n",
            {},
            'x.csv, line 3, Close: found "12.34.5"; expected a number with "."',
        ),
        (
            'Date,Close\n2018-04-03,"1.234,5"\n2018-04-04,"1,234.5"\n2018-04-05,"1,5"\n',
            {},
            'x.csv, line 3, Close: found "1,234.5"; expected a number with ","',
        ),
        ("Date,Close\n2018-04-03,0\n", {}, 'line 2, Close: found "0"; expected a price above'),
        ("Date,Close\n2018-04-03,-1\n", {}, 'line 2, Close: found "-1"; expected a price above'),
        ("Date,Close\n2018-04-03,$1\n", {}, 'line 2, Close: found "$1"; expected a number'),
        ("Date,Close\n2018-04-03,inf\n", {}, 'line 2, Close: found "inf"; expected a number'),
        ("Date,Close\n2018-04-03,1,5\n", {}, 'line 2: found "3 fields"; expected 2 fields'),
        ("Date,Close\n2018-04-03\n", {}, 'line 2: found "1 field"; expected 2 fields'),
        (
            "Date,Close\n2018-04-03,1\n03/04/2018,2\n",
            {"dayfirst": True},
            'x.csv, line 3, date: found "2018-04-03"; expected each date of ACME once; x.csv, '
            "line 2, has this one already",
        ),
        ("Date,Close\n2018-04-03,null\n", {}, "x.csv: expected at least one price"),
        ("Date,Close\n", {}, "x.csv: expected at least one row below the header"),
        ("", {}, "x.csv: expected a header and rows of prices; the file is blank"),
        ("No data\n", {}, "x.csv, line 1: found"),
        ("<html>\n<body>\n", {}, "x.csv, line 1: found"),
        ("Date,Open,High\n2018-04-03,1,2\n", {}, "expected a column Adj Close, Close or Price"),
        ("Datum,Schluss\n2018-04-03,1\n", {}, "one column per ticker of assets.csv"),
        (YAHOO, {"column": "Settle"}, 'expected a column "Settle" (--column); found are Date, Op'),
        (YAHOO, {"delimiter": ";"}, "x.csv, line 1: found"),
        ("Date,Close,CLOSE\n2018-04-03,1,2\n", {}, "x.csv, line 1, Close: expected this column on"),
        ('Date,Close\n2018-04-03,"1\n', {}, "x.csv, line 2: expected a closing quotation mark"),
        ("Date,Ticker,Close\n2018-04-03,,1\n", {}, "x.csv, line 2: expected a ticker"),
        (
            "Price,Close,Close\nTicker,ACME,\nDate,,\n2018-04-03,1,2\n",
            {},
            "x.csv, line 1, column 3: found a blank; expected a ticker, each once",
        ),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(study, tmp_path, text, dialect, message):
    source = (None if "Ticker" in text else "ACME", write(tmp_path, "x.csv", text))
    assert message in refusal(study, source, **dialect)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        # Between 2 and 5 April the one is the third of April, the other the fourth.
        (
            ["2018-04-02", "03/04/2018", "04/04/2018", "2018-04-05"],
            ["2018-04-02", "2018-04-03", "2018-04-04", "2018-04-05"],
        ),
        (["2018-03-02", "03/04/2018", "2018-03-05"], ["2018-03-02", "2018-03-04", "2018-03-05"]),
        # In both orders they come after the first of March.
        (["2018-03-01", "03/04/2018"], None),
    ],
)
def test_a_neighbour_says_which_order_is_meant(study, tmp_path, dates, expected):
    rows = "".join(f"{day},{place + 1}\n" for place, day in enumerate(dates))
    path = write(tmp_path, "ACME.csv", f"Date,Close\n{rows}")
    if expected is None:
        assert "--dayfirst or --monthfirst" in refusal(study, (None, path))
    else:
        import_prices([(None, path)], study)
        assert [day for day, _ in read(study)["ACME"]] == expected


def test_closes_that_only_lack_their_thousands_sign_are_taken_by_the_point(study, tmp_path):
    # One thousandth of every close: the returns are the same.
    path = write(tmp_path, "ACME.csv", "Date,Close\n2018-04-03,1.105\n2018-04-04,1.106\n")
    import_prices([(None, path)], study)
    assert read(study) == {"ACME": [("2018-04-03", 1.105), ("2018-04-04", 1.106)]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1 and nothing else", "x: expected a Parquet file; the reader says"),
        (b"PK\x03\x04 a workbook", "x: expected a CSV file, not a workbook"),
        (YAHOO.encode("utf-16"), "x: expected UTF-8 text, not UTF-16"),
        (YAHOO.replace("Open", "Er\N{LATIN SMALL LETTER O WITH DIAERESIS}").encode("cp1252"), "x"),
        (None, "x: expected a file of this name"),
    ],
)
def test_a_file_of_another_kind_is_refused(study, tmp_path, content, message):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    assert refusal(study, ("ACME", tmp_path / "x")).startswith(message)


def test_a_ticker_is_refused_before_a_file_that_names_its_own(study, tmp_path):
    by_field().to_csv(tmp_path / "wide.csv")
    found = refusal(study, ("ACME", tmp_path / "wide.csv"))
    assert "expected a file of one ticker after TICKER=" in found


def test_every_file_is_read_before_anything_is_refused(study, tmp_path):
    one = write(tmp_path, "ACME.csv", "Date,Close\n2018-04-03,0\n")
    two = write(tmp_path, "BOLT.csv", "Date,Close\n2018-04-03 10:30:00,1\n")
    found = refusal(study, (None, one), (None, two))
    assert re.findall(r"^(\w+\.csv), line 2", found, re.MULTILINE) == ["ACME.csv", "BOLT.csv"]


def test_a_day_in_two_files_is_refused(study, tmp_path):
    one = write(tmp_path, "one.csv", "Date,Close\n2018-04-03,1\n")
    two = write(tmp_path, "two.csv", "Date,Close\n2018-04-03,1\n2018-04-04,1\n")
    found = refusal(study, ("ACME", one), ("ACME", two))
    assert found.startswith('two.csv, line 2, date: found "2018-04-03"')
    assert "one.csv, line 2, has this one already" in found


def test_days_without_trade_are_no_prices(study, tmp_path):
    # As a folder of downloads is read: volume 0 and the close of the day before.
    text = "Date,Close,Volume\n2018-04-02,5,10\n2018-04-03,5,0\n2018-04-04,6,20\n2018-04-05,6,9\n"
    report = import_prices([("ACME", write(tmp_path, "x.csv", text))], study)
    assert read(study) == {"ACME": [("2018-04-02", 5.0), ("2018-04-04", 6.0), ("2018-04-05", 6.0)]}
    assert any("ACME (1, the first 2018-04-03)" in remark for remark in report.remarks)


# What a study has already


def test_other_tickers_stay_and_what_is_replaced_is_said(study, tmp_path):
    write(
        study,
        "prices.csv",
        "date,ticker,close\n2018-04-02,ACME,1\n2018-04-03,ACME,2\n2018-04-03,BOLT,7.25\n",
    )
    path = write(tmp_path, "ACME.csv", "Date,Close\n2018-04-02,1\n2018-04-03,3\n2018-04-04,4\n")
    new = write(tmp_path, "CRUX.csv", "Date,Close\n2018-04-02,9\n")
    report = import_prices([(None, path), (None, new)], study)
    assert read(study) == {
        "ACME": [("2018-04-02", 1.0), ("2018-04-03", 3.0), ("2018-04-04", 4.0)],
        "BOLT": [("2018-04-03", 7.25)],
        "CRUX": [("2018-04-02", 9.0)],
    }
    remarks = "\n".join(report.remarks)
    assert "prices.csv: added CRUX" in remarks
    assert "replaced ACME: 2 rows before, 3 now, closes that differ on the same days: 1" in remarks
    assert "prices.csv: as before BOLT" in remarks
    assert "listed in assets.csv and still without prices: DUNE, ECHO, COIN, INDEX" in remarks


def test_days_are_lost_only_when_told_to(study, tmp_path):
    before = "date,ticker,close\n2018-03-29,ACME,1\n2018-04-02,ACME,1\n2018-04-03,ACME,2\n"
    write(study, "prices.csv", before)
    path = write(tmp_path, "ACME.csv", "Date,Close\n2018-04-03,3\n")
    with pytest.raises(InputError, match="the 2 days from 2018-03-29 to 2018-04-02 that prices"):
        import_prices([(None, path)], study)
    assert (study / "prices.csv").read_text(encoding="utf-8") == before
    report = import_prices([(None, path)], study, replace=True)
    assert read(study) == {"ACME": [("2018-04-03", 3.0)]}
    assert any("2 days given up" in remark for remark in report.remarks)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("prices", 'study.toml, line 18, prices.file: found "prices"; expected the file to be'),
        ("../ACME.csv", 'prices.file: found "../ACME.csv"; expected another file to be written'),
        ("README.md", "README.md: expected a price file (date,ticker,close) or none"),
    ],
)
def test_what_is_no_price_file_is_not_overwritten(study, tmp_path, setting, message):
    (study / "prices").mkdir()
    path = write(tmp_path, "ACME.csv", YAHOO)
    text = (study / "study.toml").read_text(encoding="utf-8")
    write(study, "study.toml", text.replace('"prices.csv"', f'"{setting}"'))
    before = {file: file.read_bytes() for file in study.rglob("*") if file.is_file()}
    assert message in refusal(study, (None, path))
    assert {file: file.read_bytes() for file in study.rglob("*") if file.is_file()} == before


def test_the_file_that_study_toml_names_is_written(study, tmp_path):
    text = (study / "study.toml").read_text(encoding="utf-8")
    write(study, "study.toml", text.replace('"prices.csv"', '"data/../closes.csv"'))
    (study / "data").mkdir()
    import_prices([(None, write(tmp_path, "ACME.csv", YAHOO))], study)
    assert (study / "closes.csv").read_text(encoding="utf-8").startswith("date,ticker,close\n")
    assert not (study / "prices.csv").exists()


# The command


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["prices", "import", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_says_what_it_read(study, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "acme_us_d.csv", YAHOO)
    write(tmp_path, "EURUSD=X.csv", STOOQ)
    code, out, err = run(capsys, "ACME=acme_us_d.csv", "EURUSD=X.csv", "--into", "study")
    assert (code, out) == (0, "")
    lines = [line.split() for line in err.splitlines()]
    assert ["ACME", "3", "2018-03-29", "2018-04-04", "Adj", "Close", "acme_us_d.csv"] in lines
    assert ["EURUSD=X", "2", "2018-03-29", "2018-04-02", "Close", "EURUSD=X.csv"] in lines
    assert "days without a price are left out: acme_us_d.csv (1, the first 2018-04-03)" in err
    assert "EURUSD=X.csv (Close)" in err
    assert "not listed in assets.csv: EURUSD=X" in err
    assert read(study) == {"ACME": APRIL, "EURUSD=X": STOOQ_CLOSES}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 0),
        (["--dayfirst"], 0),
        (["--monthfirst"], 2),
        (["--dayfirst", "--monthfirst"], 2),
        (["--decimal", ","], 2),
        (["--decimal", ";"], 2),
        (["--delimiter", "ab"], 2),
        (["--delimiter", "tab"], 2),
        (["--column", "price"], 0),
        (["--column", "Settle"], 2),
    ],
)
def test_options_and_exit_status(study, tmp_path, capsys, arguments, status):
    path = write(tmp_path, "ACME.csv", INVESTING)
    code, out, err = run(capsys, path, "--into", study, *arguments)
    assert (code, out) == (status, "")
    assert (study / "prices.csv").exists() == (status == 0)
    assert "Traceback" not in err


def test_a_folder_that_is_no_study_is_refused(tmp_path, capsys):
    code, _, err = run(capsys, write(tmp_path, "ACME.csv", YAHOO), "--into", tmp_path)
    assert code == 2
    assert "a study folder, which holds a study.toml" in err


OTHER_DATES = "date,ticker,close\n25/04/2018,ACME,1\n26/04/2018,ACME,2\n"


@pytest.mark.parametrize(
    "text", [YAHOO, STOOQ_BULK, INVESTING, INVESTING_GERMAN, SEMICOLONS, OTHER_DATES]
)
def test_check_of_a_study_with_a_foreign_file_points_to_the_command(study, capsys, text):
    write(study, "prices.csv", text)
    assert cli.main(["check", str(study)]) == 2
    assert "`chainpolicy prices import FILE --into STUDY`" in capsys.readouterr().err


def test_check_of_a_parquet_file_or_a_folder_of_other_files_points_to_it_too(study, capsys):
    by_field().to_parquet(study / "prices.csv")
    assert cli.main(["check", str(study)]) == 2
    assert "not Parquet; `chainpolicy prices import FILE" in capsys.readouterr().err
    (study / "prices.csv").unlink()
    (study / "prices.csv").mkdir()
    write(study / "prices.csv", "ACME.csv", INVESTING)
    assert cli.main(["check", str(study)]) == 2
    assert "`chainpolicy prices import FILE --into STUDY`" in capsys.readouterr().err


def test_check_of_a_missing_file_does_not(study, capsys):
    assert cli.main(["check", str(study)]) == 2
    assert "prices import" not in capsys.readouterr().err


def test_what_was_imported_is_a_study(tmp_path, capsys):
    """The prices of the template, as downloads of three kinds, are its prices again."""
    study = new_study(tmp_path / "study")
    before = pd.read_csv(study / "prices.csv")
    (study / "prices.csv").unlink()
    wide = before.set_index(["date", "ticker"])["close"].unstack()  # noqa: PD010
    stacked = pd.concat(
        {"Close": wide[["ACME", "BOLT", "COIN"]]}, axis=1, names=["Price", "Ticker"]
    )
    stacked.rename_axis("Date").to_csv(tmp_path / "wide.csv")
    two = before[before["ticker"].isin(["CRUX", "DUNE"])]
    two.rename(columns=str.title).to_csv(tmp_path / "long.csv")
    for ticker in ("ECHO", "INDEX"):
        shown = pd.DataFrame(
            {
                "Date": pd.to_datetime(wide[ticker].dropna().index).strftime("%m/%d/%Y"),
                "Price": wide[ticker].dropna().map("{:,.4f}".format).to_numpy(),
            }
        )
        shown[::-1].to_csv(tmp_path / f"{ticker}.csv", index=False)
    files = [tmp_path / name for name in ("wide.csv", "long.csv", "ECHO.csv", "INDEX.csv")]
    code, _, err = run(capsys, *files, "--into", study)
    assert code == 0, err
    after = pd.read_csv(study / "prices.csv")
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert cli.main(["check", str(study)]) == 0


# Mutated files: read right or refused, never read wrong


@settings(max_examples=40)
@given(
    days=st.lists(
        st.dates(date(1999, 1, 1), date(2030, 12, 31)),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    form=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y%m%d", "%b %d, %Y"]),
    data=st.data(),
)
def test_a_file_is_read_right_or_refused(tmp_path_factory, days, form, data):
    """Whatever the spelling, no date and no close is read as another one."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "study").mkdir()
    (folder / "study" / "study.toml").write_text("")
    cents = data.draw(st.lists(st.integers(1, 10**9), min_size=len(days), max_size=len(days)))
    decimal = data.draw(st.sampled_from([".", ","]))
    places = data.draw(st.integers(0, 3))
    spelled = [f"{value / 10**places:,.{places}f}" for value in cents]
    if decimal == ",":
        spelled = [text.translate(str.maketrans(".,", ",.")) for text in spelled]
    text = io.StringIO()
    pd.DataFrame({"Date": [f"{day:{form}}" for day in days], "Close": spelled}).to_csv(
        text, index=False
    )
    path = write(folder, "ACME.csv", text.getvalue())
    true = sorted(
        (day.isoformat(), value / 10**places) for day, value in zip(days, cents, strict=True)
    )
    try:
        import_prices([(None, path)], folder / "study")
    except InputError as error:
        refused = str(error)
        # Only what can be read in two ways is refused, and the option that settles it works.
        assert "Say it with" in refused
        known = Dialect(dayfirst=form[:2] == "%d", decimal=decimal)
        import_prices([(None, path)], folder / "study", known)
    read_closes = read(folder / "study")["ACME"]
    assert [day for day, _ in read_closes] == [day for day, _ in true]
    ratios = {
        round(close / known / 10**-6)
        for (_, close), (_, known) in zip(read_closes, true, strict=True)
    }
    # Where every close lacks its decimals, all of them may be in thousandths.
    assert ratios in ({10**6}, {10**3})


@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_refused_with_its_place_or_reads_as_what_it_says(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "study").mkdir()
    (folder / "study" / "study.toml").write_text("")
    content = bytearray(
        data.draw(st.sampled_from([YAHOO, STOOQ_BULK, INVESTING, SEMICOLONS])).encode()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["replace", "delete", "insert"])):
            case "replace":
                content[place] = data.draw(st.integers(0, 255))
            case "delete":
                del content[place]
            case "insert":
                content.insert(place, data.draw(st.integers(0, 255)))
    path = folder / "ACME.csv"
    path.write_bytes(bytes(content))
    try:
        import_prices([(None, path)], folder / "study")
    except InputError as error:
        files = {problem.file for problem in error.problems}
        assert files == {"ACME.csv"}
        assert not (folder / "study" / "prices.csv").exists()
    else:
        for rows in read(folder / "study").values():
            assert all(close > 0 for _, close in rows)
            assert [day for day, _ in rows] == sorted({day for day, _ in rows})


@settings(max_examples=30)
@given(data=st.data())
def test_a_damaged_parquet_file_is_refused_or_read(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "x.parquet"
    by_field().to_parquet(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    problems: list[Problem] = []
    rows = read_download(path, None, Dialect(), [], problems, {})
    assert all(problem.file == "x.parquet" for problem in problems)
    assert len(rows) > 0 or problems


@pytest.mark.parametrize("present", [False, True], ids=["new ticker", "known ticker"])
@pytest.mark.parametrize("second", ["p1", "p2"], ids=["the same file", "another of its name"])
def test_a_series_named_twice_is_refused_and_nothing_is_written(tmp_path, study, second, present):
    for folder in {"p1", second}:
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "ACME.csv", "Date,Close\n2023-01-03,20\n2023-01-04,21\n")
    if present:
        import_prices([(None, tmp_path / "p1" / "ACME.csv")], study)
    before = (study / "prices.csv").read_bytes() if present else None
    with pytest.raises(InputError) as error:
        import_prices([(None, tmp_path / folder / "ACME.csv") for folder in ("p1", second)], study)
    assert [(problem.file, problem.line, problem.column) for problem in error.value.problems] == [
        ("ACME.csv", 2, "date"),
        ("ACME.csv", 3, "date"),
    ]
    assert "expected each date of ACME once; another file of this name" in str(error.value)
    assert ((study / "prices.csv").read_bytes() if present else None) == before


def test_days_that_the_study_does_not_use_are_told(tmp_path, study):
    path = write(tmp_path, "ACME.csv", "Date,Close\n2022-12-30,20\n2023-01-03,20\n2030-01-02,21\n")
    told = "\n".join(import_prices([(None, path)], study).remarks)
    assert "study.toml: 1 of 3 rows are before prices.start, 2023-01-03, and are not used" in told
    assert "study.toml: 1 of 3 rows are after prices.end, 2023-10-18, and are not used" in told
