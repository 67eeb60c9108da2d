from datetime import date

import numpy as np
import pandas as pd
import pytest

from chainpolicy.prices.validation import (
    check_adjustment,
    check_interval,
    check_order,
    check_quotation,
    check_series,
    check_symbol,
    log_returns,
    suspended,
)
from chainpolicy.study.sessions import sessions

# A February in Shanghai: 11 sessions around the Spring Festival, 4 to 10 February closed.
START, END = date(2019, 1, 28), date(2019, 2, 19)
DAYS = sessions("XSHG", START, END)


def frame(close, dates=DAYS, volume=1.0) -> pd.DataFrame:
    return pd.DataFrame({"date": dates, "close": close, "volume": volume}).astype(
        {"close": "float64", "volume": "float64"}
    )


def checked(prices, calendar="XSHG", start=START, end=END, **options):
    findings = check_series("X", prices, calendar, start, end, **options)
    return [(finding.check, finding.refused, finding.message) for finding in findings]


def steps(n, first=10.0):
    """Closes that move by one per cent a session, so that nothing is stale."""
    return first * 1.01 ** np.arange(n)


def test_a_sound_series_has_no_findings():
    assert len(DAYS) == 12
    assert checked(frame(steps(12))) == []


def quotes(days, close, **columns) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(days), "close": close} | columns)


NAN = float("nan")


def test_order_is_judged_on_what_was_sent():
    days = ["2019-01-28", "2019-01-30", "2019-01-29", "2019-01-29"]
    assert check_order("X", quotes(days[:2], [1.0, 2.0])) == []
    found = check_order("X", quotes(days, [1.0, 2.0, 3.0, 4.5]))
    assert [(str(finding), finding.refused) for finding in found] == [
        (
            "X: sends 2019-01-29 twice with other prices (first: 3 and 4.5); dates must be unique",
            True,
        ),
        ("X: sends 2019-01-29 after a later date; dates must be sorted", True),
    ]


def test_a_day_sent_twice_with_the_same_prices_is_kept_once():
    days = ["2019-01-28", "2019-01-29", "2019-01-29"]
    (found,) = check_order("X", quotes(days, [1.0, 2.0, 2.0], adjusted=[1.0, 1.5, 1.5]))
    assert str(found) == "X: sends 2019-01-29 twice with the same prices: kept once"
    assert not found.refused
    (found,) = check_order("X", quotes(days, [1.0, NAN, NAN]))
    assert not found.refused
    # Equal closes of which one is adjusted, or one is missing, are not the same prices.
    (found,) = check_order("X", quotes(days, [1.0, 2.0, 2.0], adjusted=[1.0, 1.5, 2.0]))
    assert found.refused
    (found,) = check_order("X", quotes(days, [1.0, NAN, 2.0]))
    assert found.refused
    assert "(first: none and 2)" in found.message


def test_rows_that_are_no_days_are_refused():
    assert check_interval("X", None) == check_interval("X", "1d") == []
    (found,) = check_interval("X", "1wk")
    assert (found.refused, found.message) == (True, "each row is 1wk; expected days (1d)")


def adjustment(close, adjusted=None, dividends=(), splits=()):
    """Findings on five days; dividends and splits as (place, value)."""
    days = pd.date_range("2019-03-04", periods=5)
    columns = {} if adjusted is None else {"adjusted": adjusted}

    def events(values):
        index = days[[place for place, _ in values]]
        return pd.Series([value for _, value in values], index=index, dtype="float64")

    found = check_adjustment("X", quotes(days, close, **columns), events(dividends), events(splits))
    return [(finding.refused, finding.message) for finding in found]


def test_closes_without_their_dividends_are_refused():
    close = [100.0, 100.0, 98.0, 98.0, 98.0]
    # By hand: 2 paid on 100 take 2 % off the closes before the third day.
    assert adjustment(close, [98.0, 98.0, 98.0, 98.0, 98.0], [(2, 2.0)]) == []
    ((refused, message),) = adjustment(close, close, [(2, 2.0)])
    assert refused
    assert message.startswith("adjusted closes do not contain the dividend on 2019-03-06")
    ((refused, message),) = adjustment(close, None, [(2, 2.0)])
    assert refused
    assert message.startswith("sends no adjusted closes, but a dividend on 2019-03-06")
    # The first day has no return, so that its dividend is in none.
    assert adjustment(close, close, [(0, 2.0)]) == []
    # Later dividends lower all closes alike.
    halved = [value / 2 for value in (98.0, 98.0, 98.0, 98.0, 98.0)]
    assert adjustment(close, halved, [(2, 2.0)]) == []
    ((refused, message),) = adjustment(close, None)
    assert (refused, message) == (
        False,
        "sends no adjusted closes and no dividend: closes are taken as they are",
    )


def test_closes_without_their_splits_are_refused():
    assert (
        adjustment([10.0, 10.2, 9.9, 10.0, 10.1], [10.0, 10.2, 9.9, 10.0, 10.1], (), [(2, 2)]) == []
    )
    raw = [10.0, 10.2, 5.0, 5.0, 5.1]
    assert adjustment(raw, raw, (), [(2, 2.0)]) == [
        (True, "closes are not adjusted for the split on 2019-03-06")
    ]
    merged = [1.0, 1.1, 10.5, 10.0, 10.1]
    assert adjustment(merged, merged, (), [(2, 0.1)]) == [
        (True, "closes are not adjusted for the split on 2019-03-06")
    ]


def units(close):
    days = sessions("24/7", date(2019, 1, 1), date(2019, 1, len(close)))
    found = checked(frame(close, days), "24/7", date(2019, 1, 1), date(2019, 1, len(close)))
    return [message for check, refused, message in found if check == "unit" and refused]


def test_prices_in_another_unit_are_refused():
    steady = [50.0, 51.0, 50.5, 49.0, 50.0, 51.5, 52.0, 51.0, 50.0, 49.5]
    assert units(steady) == []
    three_days = [*steady[:3], *(value / 100 for value in steady[3:6]), *steady[6:]]
    assert units(three_days) == [
        "close 0.49 after 50.5 (factor 103) from 2019-01-04 to 2019-01-06: another unit or an "
        "error, not a price"
    ]
    for wrong in (
        [*(value / 100 for value in steady[:3]), *steady[3:]],  # at the beginning
        [*steady[:7], *(value / 100 for value in steady[7:])],  # at the end
        [*steady[:4], 1000 * steady[4], *steady[5:]],
        [*steady[:4], 5 * steady[4], *steady[5:]],  # a bad tick
    ):
        assert len(units(wrong)) == 1
    # A fall that lasts, and a rise that lasts, are the market's.
    assert units([*steady[:5], *(value / 6 for value in steady[5:])]) == []
    assert units([*steady[:5], *(value * 6 for value in steady[5:])]) == []
    # So is one that doubles and comes back.
    assert units([*steady[:5], 2 * steady[5], *steady[6:]]) == []


@pytest.mark.parametrize(
    ("ticker", "calendar", "currency", "timezone", "expected"),
    [
        ("600000.SS", "XSHG", "CNY", "Asia/Shanghai", []),
        ("0700.HK", "XHKG", "HKD", "Asia/Hong_Kong", []),
        ("SPY", "XNYS", "USD", "America/New_York", []),
        ("BTC-USD", "24/7", "USD", "UTC", []),
        ("BTC-EUR", "24/7", "EUR", "UTC", []),
        ("GOLD", "24/7", "anything", "UTC", []),
        ("BRK-B", "XNYS", "USD", "America/New_York", []),
        ("VOD.L", "XLON", "GBp", "Europe/London", []),
        ("VOLV-B.ST", "XSTO", "SEK", "Europe/Stockholm", []),
        # Futures of Chicago dated in New York, currencies in London: the same days.
        ("ES=F", "CMES", "USD", "America/New_York", []),
        ("EURUSD=X", "24/5", "USD", "Europe/London", []),
        ("VOD.L", "XLON", "GBp", "Asia/Tokyo", ["time zone is Asia/Tokyo; expected Europe/L"]),
        ("7203.T", "XTKS", "JPY", None, ["time zone is not stated; expected Asia/Tokyo"]),
        ("7203.T", "XTKS", "JPY", "Nowhere", ["time zone is Nowhere; expected Asia/Tokyo"]),
        ("SPY", "XNYS", None, "UTC", ["currency is not stated", "time zone is UTC; expected A"]),
        ("BTC-USD", "24/7", "EUR", "UTC", ["currency is EUR; expected USD on 24/7"]),
        ("BTC-USD", "24/7", "USD", "Europe/London", ["time zone is Europe/London; expected UTC"]),
    ],
)
def test_quotation_follows_the_calendar(ticker, calendar, currency, timezone, expected):
    found = check_quotation(ticker, calendar, currency, timezone)
    assert len(found) == len(expected)
    for finding, message in zip(found, expected, strict=True):
        assert finding.message.startswith(message)
        assert finding.refused


def test_the_answer_must_be_about_what_was_asked_for():
    for symbol in ("BTC-USD", "btc-usd", None):
        assert check_symbol("BTC-USD", symbol) == []
    (found,) = check_symbol("A?B", "A")
    assert (str(found), found.refused) == ("A?B: the answer is about A", True)


@pytest.mark.parametrize("close", [0.0, -1.0, np.inf, -np.inf])
def test_impossible_closes_are_refused(close):
    closes = steps(12)
    closes[3] = close
    assert checked(frame(closes)) == [
        ("closes", True, f"close {close:g} on 2019-01-31; expected positive finite prices")
    ]


def test_missing_closes_are_gaps_and_nothing_but_them_is_refused():
    closes = steps(12)
    closes[[3, 5]] = np.nan
    assert checked(frame(closes)) == [
        (
            "sessions",
            False,
            "no close on 2019-01-31, 2019-02-11, though XSHG was open: left as gaps",
        ),
    ]
    assert checked(frame(np.full(12, np.nan))) == [("closes", True, "no row has a close")]


def test_extra_and_missing_sessions_are_reported():
    kept = DAYS.delete([0, 1, 6, 11])
    dates = kept.append(pd.DatetimeIndex(["2019-02-05", "2019-02-10"])).sort_values()
    assert checked(frame(steps(len(dates)), dates)) == [
        (
            "sessions",
            False,
            "closes on 2019-02-05, 2019-02-10, not sessions of XSHG: left out",
        ),
        ("sessions", False, "starts on 2019-01-30, 2 sessions after 2019-01-28"),
        ("sessions", False, "ends on 2019-02-18, 1 session before 2019-02-19"),
        ("sessions", False, "no close on 2019-02-12, though XSHG was open: left as gaps"),
    ]


def test_the_days_of_another_calendar_are_refused():
    dates = sessions("24/7", START, END)
    found = checked(frame(steps(len(dates)), dates))
    assert found[0] == (
        "sessions",
        True,
        "closes on 2019-02-02, 2019-02-03, 2019-02-04 and 8 more, not sessions of XSHG: "
        "these are another calendar's days",
    )


def limits(value=0.10, n=12):
    return np.full(n, value)


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (10.00, 11.00, False),  # exactly at the limit
        (9.95, 10.95, False),  # 10.05 %: the limit price is rounded to the tick
        (3.35, 3.69, False),  # 10.15 %: the same where a tick is much
        (10.00, 11.06, True),  # six ticks beyond
        (10.00, 9.00, False),
        (10.00, 8.94, True),
        (10.00, 14.50, True),  # beyond the limit is refused, not flagged as a jump
    ],
)
def test_moves_beyond_the_price_limit_are_refused(before, after, refused):
    closes = np.concatenate([before * 0.99 ** np.arange(6, 0, -1), [before], [after] * 5])
    closes[7:] *= 1.001 ** np.arange(5)
    found = checked(frame(closes), limits=limits())
    if refused:
        move = abs(after / before - 1)
        message = f"moves {move:.1%} on 2019-02-13, beyond the price limit of 10%"
        assert found == [("limit", True, message)]
    else:
        assert found == []


def test_the_limit_in_force_on_the_day_counts():
    closes = steps(12)
    closes[7:] *= 1.06
    lowered = limits()
    lowered[7:] = 0.05
    assert checked(frame(closes), limits=limits()) == []
    (found,) = checked(frame(closes), limits=lowered)
    assert found[:2] == ("limit", True)
    lowered = limits()
    lowered[8:] = 0.05
    assert checked(frame(closes), limits=lowered) == []


def test_over_a_gap_a_limit_of_one_session_says_nothing():
    closes = steps(12)
    closes[7:] *= 1.2
    dates = DAYS.delete(6)
    found = checked(frame(np.delete(closes, 6), dates), limits=limits(n=11))
    assert [check for check, refused, _ in found if refused] == []


def test_other_jumps_over_forty_per_cent_are_flagged():
    closes = steps(12)
    closes[7:] *= 1.39 / 1.01
    assert checked(frame(closes)) == []
    closes[7:] *= 1.45 / 1.39
    message = "moves 45.0% on 2019-02-13: look whether a split or merger explains it"
    assert checked(frame(closes)) == [("jump", False, message)]
    assert checked(frame(closes), limits=np.full(12, np.nan)) == [("jump", False, message)]


def test_runs_of_stale_closes_are_flagged():
    closes = steps(12)
    closes[2:6] = closes[2]
    assert checked(frame(closes)) == []
    closes[7:12] = closes[7]
    assert checked(frame(closes)) == [
        ("stale", False, "close unchanged for 5 sessions from 2019-02-13")
    ]


def test_a_suspension_is_a_close_repeated_without_trade():
    closes, volume = steps(12), np.ones(12)
    closes[3:6] = closes[2]
    volume[[3, 4]] = 0  # suspended
    volume[8] = 0  # the close changed: no suspension
    prices = frame(closes, volume=volume)
    assert np.flatnonzero(suspended(prices)).tolist() == [3, 4]
    assert checked(prices) == [
        (
            "suspended",
            False,
            "no trade on 2019-01-31, 2019-02-01 (volume 0, close unchanged): taken as suspended",
        )
    ]
    assert not suspended(frame(closes, volume=0.0)).any()
    assert not suspended(frame(closes, volume=np.nan)).any()
    assert suspended(frame([], DAYS[:0])).shape == (0,)


def test_log_returns_never_span_a_gap():
    prices = frame([1.0, np.e, np.nan, 2.0, 4.0], DAYS[:5])
    found = log_returns(prices, DAYS[:6])
    np.testing.assert_allclose(found, [np.nan, 1, np.nan, np.nan, np.log(2), np.nan])


@pytest.mark.parametrize("calendar", ["24/7", "XNYS"])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_series_shifted_against_the_snapshot_is_refused(calendar, shift):
    start, end = date(2019, 1, 1), date(2019, 3, 31)
    days = sessions(calendar, start, end)
    generator = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.04, len(days))))
    reference = frame(close, days)
    noisy = close * np.exp(generator.normal(0, 0.002, len(days)))
    moved = frame(np.roll(noisy, shift), days).iloc[1:-1]
    found = checked(moved, calendar, start, end, reference=reference)
    refusals = [message for check, refused, message in found if refused and check == "shift"]
    if shift == 0:
        assert refusals == []
        return
    unit = "day" if calendar == "24/7" else "session"
    word = "late" if shift > 0 else "early"
    (message,) = refusals
    assert message.startswith(f"dates are one {unit} {word} against the snapshot (median diff")


def test_a_shift_is_not_judged_on_a_few_days_or_on_noise():
    start, end = date(2019, 1, 1), date(2019, 1, 18)
    days = sessions("24/7", start, end)
    close = steps(18) * np.exp(np.random.default_rng(1).normal(0, 0.03, 18))
    shifted = frame(np.roll(close, 1), days)
    assert checked(shifted, "24/7", start, end, reference=frame(close, days)) == []
    start, end = date(2019, 1, 1), date(2019, 12, 31)
    days = sessions("24/7", start, end)
    one, other = np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.03, (2, 365)), axis=1))
    assert not any(
        check == "shift"
        for check, _, _ in checked(
            frame(one, days), "24/7", start, end, reference=frame(other, days)
        )
    )


@pytest.mark.parametrize(
    ("factors", "refused"),
    [
        ({30: 0.01, 31: 0.01, 32: 0.01}, True),  # pence for pounds, three days
        ({30: 100.0}, True),
        ({30: 0.1, 31: 0.1}, True),
        (dict.fromkeys(range(30, 60), 0.01), True),  # and for good
        (dict.fromkeys(range(30, 60), 10.0), False),  # a takeover, perhaps
        ({30: 3.0, 31: 3.0}, False),
    ],
)
def test_closes_in_another_unit_are_refused(factors, refused):
    days = sessions("24/7", "2019-01-01", "2019-03-01")
    walk = 50 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 60)))
    close = [value * factors.get(place, 1.0) for place, value in enumerate(walk)]
    prices = pd.DataFrame({"date": days, "close": close, "volume": 1.0})
    found = check_series("X", prices, "24/7", days[0].date(), days[-1].date())
    unit = [finding for finding in found if finding.check == "unit"]
    assert bool(unit) == refused
    assert all(finding.refused for finding in unit)
    if refused:
        assert f"from {days[30]:%Y-%m-%d}" in unit[0].message
        assert "another unit" in unit[0].message
