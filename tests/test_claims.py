"""Claims against prices typed here by hand, and against the large files where they are given."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainpolicy import findings
from chainpolicy.article.market_claims import CLAIMS_FILE, check_claims, rivals
from chainpolicy.study.problems import InputError
from chainpolicy.study.study import EMBEDDED, load_study

LARGE = Path(__file__).resolve().parents[2] / "shared" / "prices"
FILES = {"market": "ashare_panel.parquet", "hourly": "btc_hourly_bitstamp.parquet"}


@pytest.fixture(scope="module")
def study():
    return load_study()


@pytest.fixture(scope="module")
def results(study):
    return study.estimate()


@pytest.fixture(scope="module")
def checks(study, results):
    return {check.claim_id: check for check in check_claims(study, results)}


def with_claims(study, folder: Path, text: str):
    """Let the embedded study carry other claims."""
    (folder / CLAIMS_FILE).write_text(text, encoding="utf-8")
    return replace(study, path=folder)


def variant(study, folder: Path, old: str, new: str):
    text = (EMBEDDED / CLAIMS_FILE).read_text(encoding="utf-8")
    assert old in text
    return with_claims(study, folder, text.replace(old, new, 1))


def test_bitcoin_rose_less_in_that_evening(checks):
    check = checks["bitcoin-evening"]
    # Bitstamp: 7,465.20 at 10:00 UTC and 8,295.73 at 16:00; closes 7,431.08 and 10,110.42 are the
    # lowest and highest of two days; trades from 7,393.14 to 10,350.
    assert check.numbers["evening"] == pytest.approx(8295.73 / 7465.20 - 1)
    assert check.numbers["day"] == pytest.approx(0.156, abs=0.001)
    assert check.numbers["two_days"] == pytest.approx(0.23, abs=0.01)
    assert check.numbers["hourly_closes"] == pytest.approx(0.36, abs=0.001)
    assert check.numbers["low_to_high"] == pytest.approx(10350 / 7393.14 - 1)
    assert check.verdict == "partly"
    assert "+40.0 %" in check.prices


def test_concept_shares_led(checks):
    check = checks["shares-led"]
    assert 0.086 < check.numbers["portfolio"] < 0.10
    assert check.numbers["000001.SS"] == pytest.approx(0.0085, abs=0.0005)
    assert check.numbers["399006.SZ"] == pytest.approx(0.0174, abs=0.0005)
    assert check.verdict == "supported"


def test_names_at_the_limit_are_bounded_from_both_sides(checks):
    check = checks["hundred-at-limit"]
    # 32 of the 38 shares of tier 1, and 7 of the 8 of tier 2.
    assert check.numbers["n_upper_own"] == 32 + 7
    assert check.numbers["n_upper"] == 145
    assert check.verdict == "partly"


def test_no_reversal_over_night(checks):
    check = checks["overnight-reversal"]
    assert -0.02 < check.numbers["bitcoin_day"] < -0.01
    assert check.numbers["a_shares_tier1_left"] < 0.2 * check.numbers["a_shares_tier1_peak"]
    assert check.verdict == "not supported"
    assert "since 31 Oct" in check.prices


def test_the_rest_cannot_be_checked(checks, study, results):
    verdicts = [check.verdict for check in checks.values()]
    assert verdicts.count("not checkable with prices") == 3
    finding = findings.claims_verdicts(study, results)
    assert "1 supported, 2 partly, 1 not supported, 3 not checkable with prices" in finding.text
    report = findings.claims_report(study, results)
    assert report.frame["Verdict"].tolist() == verdicts


def test_stored_numbers_come_from_the_large_files(study, results, checks):
    if not all((LARGE / name).is_file() for name in FILES.values()):
        pytest.skip(f"{' and '.join(FILES.values())} are not part of the project")
    given = {source: LARGE / name for source, name in FILES.items()}
    for again in check_claims(study, results, given):
        assert again.verdict == checks[again.claim_id].verdict
        for name, value in again.numbers.items():
            assert value == pytest.approx(checks[again.claim_id].numbers[name], rel=1e-5), name


def test_recomputation_from_small_files_by_hand(study, results, tmp_path):
    days = pd.to_datetime(["2019-10-25", "2019-10-28"])
    shares = pd.DataFrame(
        {
            "date": days.tolist() * 4,
            "ticker": np.repeat(["000021.SZ", "X1", "X2", "X3"], 2),
            # 10.00 to 11.00, to 10.50 and to 9.00; the last is under special treatment.
            "close": [10.0, 11.0, 10.0, 10.5, 10.0, 9.0, 10.0, 11.0],
            "pct_change": [1.0, 10.0, 1.0, 5.0, 0.0, -10.0, 0.0, 10.0],
            "trading": 1,
            "st": [0, 0, 0, 0, 0, 0, 1, 1],
        }
    )
    shares.to_parquet(tmp_path / "market.parquet")
    hours = pd.date_range("2019-10-24T22:00Z", periods=60, freq="h")
    bars = pd.DataFrame({"time": hours, "high": 100.0, "low": 90.0})
    bars.loc[1, "low"] = 1.0  # the day before
    bars.loc[4, "low"] = 80.0
    bars.loc[3, "high"] = 500.0  # before the trough
    bars.loc[30, "high"] = 120.0
    bars.to_parquet(tmp_path / "hourly.parquet")
    text = (EMBEDDED / CLAIMS_FILE).read_text(encoding="utf-8")
    given = {}
    for source, old in (("market", "6028d0249eec"), ("hourly", "38f34512d457")):
        given[source] = tmp_path / f"{source}.parquet"
        digest = hashlib.sha256(given[source].read_bytes()).hexdigest()
        start = text.index(old)
        text = text[:start] + digest + text[start + 64 :]
    changed = with_claims(study, tmp_path, text)
    found = {check.claim_id: check.numbers for check in check_claims(changed, results, given)}
    assert found["bitcoin-evening"]["low_to_high"] == pytest.approx(120 / 80 - 1)
    assert found["shares-led"]["n_shares"] == 4
    assert found["shares-led"]["market_mean"] == pytest.approx(0.15 / 4)
    assert found["shares-led"]["share_below"] == pytest.approx(0.5)
    assert found["hundred-at-limit"]["n_upper"] == 1
    assert found["hundred-at-limit"]["n_upper_before"] == 0


@pytest.mark.parametrize(
    ("old", "new", "claim_id", "verdict"),
    [
        ("least = 0.40", "least = 0.10", "bitcoin-evening", "supported"),
        ("least = 0.40", "least = 0.60", "bitcoin-evening", "not supported"),
        ("share_below = 0.959149", "share_below = 0.5", "shares-led", "partly"),
        ("day = 2019-10-28\nindices", "day = 2019-11-25\nindices", "shares-led", "not supported"),
        ("least = 90", "least = 30", "hundred-at-limit", "supported"),
        ("least = 90", "least = 200", "hundred-at-limit", "not supported"),
    ],
)
def test_verdicts_turn_with_the_numbers(study, results, tmp_path, old, new, claim_id, verdict):
    changed = variant(study, tmp_path, old, new)
    found = {check.claim_id: check.verdict for check in check_claims(changed, results)}
    assert found[claim_id] == verdict


def test_without_stored_numbers_a_claim_is_checked_with_what_there_is(study, results, tmp_path):
    text = (EMBEDDED / CLAIMS_FILE).read_text(encoding="utf-8")
    blocks = [block.split("\n[claim.stored]\n")[0] for block in text.split("[[claim]]")]
    changed = with_claims(study, tmp_path, "\n[[claim]]".join(blocks))
    found = {check.claim_id: check for check in check_claims(changed, results)}
    assert "low_to_high" not in found["bitcoin-evening"].numbers
    assert found["bitcoin-evening"].verdict == "not supported"
    assert found["shares-led"].verdict == "partly"
    assert found["hundred-at-limit"].verdict == "partly"


def test_a_study_without_claims_has_none(study, results, tmp_path):
    bare = replace(study, path=tmp_path)
    assert check_claims(bare, results) == []
    assert rivals(bare).empty
    assert "no claims" in findings.claims_verdicts(bare, results).text


def test_rivals_of_that_night(study):
    table = rivals(study).set_index("name")
    assert table["at"]["monthly futures expire"] == pd.Timestamp("2019-10-25T15:00Z")
    assert pd.isna(table["at"]["short squeeze"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "lead"', 'kind = "leads"', ["claim shares-led", "leads", "at_limit"]),
        ("least = 0.40", 'least = "much"', ["claim bitcoin-evening", "much", "number"]),
        ("day = 2019-10-28\nleast", "least", ["claim hundred-at-limit", "day", "nothing"]),
        ('ticker = "BTC-USD"', 'ticker = "ETH-USD"', ["claim bitcoin-evening", "ETH-USD"]),
        ('jump = "xi-politburo"', 'jump = "xi"', ["claim overnight-reversal", '"xi"']),
        ("high = 10350.0", "", ["claim bitcoin-evening", "high"]),
        ('source = "hourly"', 'source = "daily"', ["claim bitcoin-evening", "source"]),
        ('name = "short squeeze"', "", ["rival", "name"]),
        ("[[claim]]", "[[claim", ["TOML"]),
    ],
)
def test_mistakes_are_located(study, results, tmp_path, old, new, words):
    changed = variant(study, tmp_path, old, new)
    with pytest.raises(InputError) as caught:
        check_claims(changed, results)
    for word in [CLAIMS_FILE, *words]:
        assert word in str(caught.value)


def test_another_file_than_the_source_is_refused(study, results, tmp_path):
    other = shutil.copy(EMBEDDED / "events.csv", tmp_path / "other.parquet")
    with pytest.raises(InputError, match="SHA-256"):
        check_claims(study, results, {"market": Path(other)})
    with pytest.raises(InputError, match="a source of"):
        check_claims(study, results, {"yahoo": Path(other)})
    with pytest.raises(InputError, match="no such file"):
        check_claims(study, results, {"market": tmp_path / "absent.parquet"})


def test_claims_are_in_our_words():
    article = LARGE.parent / "article.txt"
    if not article.is_file():
        pytest.skip("the article is not part of the project")

    def runs(text: str) -> set[tuple[str, ...]]:
        words = "".join(c.lower() if c.isalnum() else " " for c in text).split()
        return set(zip(*(words[i:] for i in range(12)), strict=False))

    ours = (EMBEDDED / CLAIMS_FILE).read_text(encoding="utf-8")
    assert not runs(ours) & runs(article.read_text(encoding="utf-8"))
