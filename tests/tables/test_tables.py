"""Tables hold what the page about files says, byte by byte, and the headline what it claims."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestPower

import chainpolicy
from chainpolicy import tables
from chainpolicy.estimators.stances import mean_response_by_stance
from chainpolicy.eventstudy import TEST_NAMES
from chainpolicy.figures.selection import estimated_events
from chainpolicy.study.problems import InputError
from chainpolicy.study.sessions import clusters
from chainpolicy.study.study import EMBEDDED, new_study
from chainpolicy.tables.responses import estimated_responses

COLUMNS = {
    "alignment": "event_id,ticker,calendar,announced_at,event_session,shares_session_with",
    "models": "event_id,ticker,model,benchmark,n_estimation,alpha,beta,sigma,r_squared",
    "coefficients": "event_id,ticker,term,estimate,std_error",
    "abnormal_returns": "event_id,ticker,tau,session,actual,normal,abnormal,std_error,at_limit",
    "car": "event_id,ticker,window,car,std_error,t_stat,p_value",
    "tests": ("event_id,group,window,test,statistic,p_value,n_assets,mean_car,mean_correlation"),
    "pooled": (
        "label,group,window,n_events,n_pairs,n_clusters,mean,std_error,degrees,lower,upper,"
        "pair_weighted_mean,mean_correlation,"
        + ",".join(f"{name},{name}_p" for name in TEST_NAMES)
        + ",randomization_p,n_ordinary,sign_flip_p,n_blocks,note"
    ),
    "excluded": "event_id,ticker,window,reason",
}
KEYS = {
    "alignment": ("event_id", "ticker"),
    "models": ("event_id", "ticker"),
    "coefficients": ("event_id", "ticker", "term"),
    "abnormal_returns": ("event_id", "ticker", "tau"),
    "car": ("event_id", "ticker", "window"),
    "tests": ("event_id", "group", "window", "test"),
    "pooled": ("label", "group", "window"),
    "excluded": ("event_id", "ticker", "window"),
}


@pytest.fixture(scope="module")
def written(study, results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return folder, tables.write_tables(study, results, folder)


@pytest.fixture(scope="module")
def placebo(study):
    return study.placebo((0, 1))


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_folder_holds_eight_tables_and_a_manifest(study, written):
    folder, summary = written
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{name}.csv" for name in COLUMNS} | {"manifest.json"}
    kinds = Counter(
        "event" if row["ticker"] == "" else "window" if row["window"] else "pair"
        for row in rows_of(folder, "excluded")
    )
    shown = [kind for kind in ("event", "pair", "window") if kinds[kind]]
    counts = ", ".join(f"{kinds[kind]} {kind}{'s' * (kinds[kind] > 1)}" for kind in shown)
    pairs = {(row["event_id"], row["ticker"]) for row in rows_of(folder, "car")}
    whole = kinds["pair"] + len(rows_of(folder, "models"))
    estimated = f"{len(pairs):,} of {whole:,} pairs estimated"
    assert summary == f"{estimated}; excluded: {counts}: excluded.csv"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["study_sha256"] == study.checksum
    assert set(manifest["packages"]) >= {"chainpolicy", "numpy", "pandas", "scipy"}


@pytest.mark.parametrize("name", COLUMNS)
def test_files_are_utf_8_with_line_feeds_and_minimal_quotes(written, name):
    raw = (written[0] / f"{name}.csv").read_bytes()
    assert raw.decode("utf-8").splitlines()[0] == COLUMNS[name]
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert not raw.endswith(b"\n\n")
    again = io.StringIO()
    writer = csv.writer(again, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerows(csv.reader(io.StringIO(raw.decode("utf-8"))))
    assert again.getvalue().encode() == raw


@pytest.mark.parametrize("name", KEYS)
def test_rows_are_sorted_by_their_keys_and_each_key_is_there_once(written, name):
    keys = [
        tuple(int(row[key]) if key == "tau" else row[key] for key in KEYS[name])
        for row in rows_of(written[0], name)
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_windows_are_quoted_numbers_are_whole_and_undefined_is_blank(written):
    folder, _ = written
    assert ',"[0, 1]",' in (folder / "car.csv").read_text()
    for row in rows_of(folder, "car")[:200]:
        for column in ("car", "std_error", "t_stat", "p_value"):
            assert repr(float(row[column])) == row[column]
    for name in COLUMNS:
        cells = {cell for row in rows_of(folder, name) for cell in row.values()}
        assert not cells & {"nan", "NaN", "NaT", "None", "<NA>"}
    alone = [row for row in rows_of(folder, "tests") if row["group"] == "bitcoin"]
    assert {row["statistic"] == "" for row in alone if row["test"] != "time_series_t"} == {True}
    assert {row["mean_correlation"] for row in alone} == {""}


def test_days_are_dates_and_announcements_stand_as_given(written):
    with (EMBEDDED / "events.csv").open(encoding="utf-8", newline="") as stream:
        given = {row["event_id"]: row["announced_at"] for row in csv.DictReader(stream)}
    for row in rows_of(written[0], "alignment"):
        assert row["announced_at"] == given[row["event_id"]]
        assert len(row["event_session"]) == len("2019-10-28")
    # Known by hand: after the Shanghai close, before the New York open, inside the UTC day.
    sessions = {
        row["calendar"]: (row["event_session"], row["shares_session_with"])
        for row in rows_of(written[0], "alignment")
        if row["event_id"] == "xi-politburo"
    }
    assert sessions == {
        "XSHG": ("2019-10-28", "cryptography-law;huang-dcep-bund"),
        "XNYS": ("2019-10-25", ""),
        "24/7": ("2019-10-25", ""),
    }


def test_every_group_and_window_with_a_car_has_all_eleven_tests(study, written):
    folder, _ = written
    expected = {
        (row["event_id"], study.groups[row["ticker"]], row["window"], test)
        for row in rows_of(folder, "car")
        for test in TEST_NAMES
    }
    rows = rows_of(folder, "tests")
    assert {(r["event_id"], r["group"], r["window"], r["test"]) for r in rows} == expected
    assert {row["window"] for row in rows} == {"[0, 0]", "[0, 1]", "[-1, 1]", "[0, 5]", "[0, 10]"}


def test_one_asset_has_the_t_of_its_car(written):
    folder, _ = written
    car = {
        (row["event_id"], row["window"]): (row["t_stat"], row["p_value"])
        for row in rows_of(folder, "car")
        if row["ticker"] == "BTC-USD"
    }
    tests = [
        row
        for row in rows_of(folder, "tests")
        if row["group"] == "bitcoin" and row["test"] == "time_series_t"
    ]
    assert len(tests) == len(car)
    for row in tests:
        t_stat, p = car[row["event_id"], row["window"]]
        assert float(row["statistic"]) == pytest.approx(float(t_stat), rel=1e-12)
        assert float(row["p_value"]) == pytest.approx(float(p), rel=1e-12)


def test_events_out_of_sample_are_excluded_as_a_whole_with_their_reason(written):
    with (EMBEDDED / "events.csv").open(encoding="utf-8", newline="") as stream:
        reasons = {
            row["event_id"]: row["reason"]
            for row in csv.DictReader(stream)
            if row["in_sample"] == "no"
        }
    whole = [row for row in rows_of(written[0], "excluded") if row["ticker"] == ""]
    assert {row["event_id"]: row["reason"] for row in whole} == reasons
    assert {row["window"] for row in whole} == {""}
    assert all(reasons.values())


def test_a_single_event_has_the_lines_of_the_whole_run(template, tmp_path):
    every, one = tmp_path / "every", tmp_path / "one"
    tables.write_tables(template, template.results, every)
    tables.write_tables(template, template.results, one, only="rule-withdrawn")
    assert not (one / "pooled.csv").exists()
    for name in COLUMNS.keys() - {"pooled"}:
        head, *lines = (every / f"{name}.csv").read_text().splitlines()
        own = [line for line in lines if line.startswith("rule-withdrawn,")]
        assert len(own) < len(lines)
        assert (one / f"{name}.csv").read_text().splitlines() == [head, *own]
        assert own or name == "excluded"


def test_an_unknown_event_is_refused_and_nothing_is_written(study, results, tmp_path):
    with pytest.raises(InputError, match="xi-politburo"):
        tables.write_tables(study, results, tmp_path / "new", only="xi-politbureau")
    assert not (tmp_path / "new").exists()


def test_thirty_two_of_thirty_eight_close_the_first_session_at_the_limit(study):
    table = tables.responses(study, (0, 0)).set_index(["event_id", "group"])
    row = table.loc[("xi-politburo", "a_shares_tier1")]
    assert row["n_assets"] == 38
    assert row["share_at_limit"] == pytest.approx(32 / 38)
    assert row["members"] == "xi-politburo;cryptography-law;huang-dcep-bund"
    assert row["event_session"] == pd.Timestamp("2019-10-28")
    # No price limit in New York or for coins.
    free = table[table.index.get_level_values("group").isin(["bitcoin", "coins", "us_listed"])]
    assert (free["share_at_limit"] == 0).all()


def test_events_that_share_a_session_are_one_row(study):
    table = tables.responses(study)
    assert not table.duplicated(["event_session", "group"]).any()
    # 26 events in the sample; counted by hand, 23 UTC days, 20 A-share and 22 US sessions.
    counts = table.groupby("group")["event_id"].size().to_dict()
    assert counts == {
        "bitcoin": 23,
        "coins": 23,
        "a_shares_tier1": 20,
        "a_shares_tier2": 20,
        "us_listed": 22,
    }


def test_a_coin_at_the_sessions_of_an_exchange_keeps_its_own_event_sessions(tmp_path):
    """Announced on 12 July at 17:30 in New York: the coin's UTC day is the 12th, the shares' 13th.

    All are measured at the sessions of New York, and every table has each group once an event.
    """
    folder = new_study(tmp_path / "study")
    text = (folder / "assets.csv").read_text(encoding="utf-8")
    text = text.replace("COIN,24/7,Coin,coin,,", "COIN,24/7,Coin,coin,INDEX,")
    (folder / "assets.csv").write_text(text, encoding="utf-8")
    coin = chainpolicy.load_study(folder)
    table = estimated_responses(coin, (0, 1))
    announced = table[table["event_id"] == "rule-announced"]
    assert announced.set_index("group")["event_session"].dt.day.to_dict() == {
        "coin": 12,
        "makers": 13,
        "sellers": 13,
    }
    assert len(table) == 9
    regressions = tables.regression_tables(coin)
    for name in ("system", "overlap"):
        table = regressions[name].query("window == '[0, 1]'")
        assert set(table.loc[table["event_id"] == "rule-announced", "group"]) == {
            "coin",
            "makers",
            "sellers",
        }
    keys = ["group", "window", "event_id"]
    assert not regressions["overlap"].duplicated(keys).any()


def test_the_caar_of_a_response_is_the_mean_of_the_cars(study, results):
    table = tables.responses(study)
    car = results.car((0, 1))
    means = car["car"].groupby([car["event_id"], car["ticker"].map(study.groups)]).mean()
    expected = [means[row.event_id, row.group] for row in table.itertuples()]
    np.testing.assert_allclose(table["caar"], expected, rtol=1e-12)


def test_the_rejection_rate_of_a_response_is_that_of_the_test_it_names(study, placebo):
    table = tables.responses(study).set_index("group")
    # One asset: the exact t is the t of its CAR on each ordinary session.
    ordinary = placebo.car((0, 1)).query("ticker == 'BTC-USD'")
    assert table.loc["bitcoin", "rejection_rate"].unique() == pytest.approx(
        [(ordinary["p_value"] < 0.05).mean()]
    )
    tests = placebo.tests((0, 1)).tidy()
    for group in ("coins", "a_shares_tier1", "us_listed"):
        own = tests[(tests["group"] == group) & (tests["test"] == "adjusted_bmp")]
        assert own["p_value"].notna().all()
        assert table.loc[group, "rejection_rate"].unique() == pytest.approx(
            [(own["p_value"] < 0.05).mean()]
        )


def test_the_minimum_detectable_effect_of_a_response_has_eighty_percent_power(study, results):
    table = tables.responses(study).set_index(["event_id", "group"])
    caar = results.caar((0, 1)).set_index(["event_id", "group"])
    for key in [("xi-politburo", "bitcoin"), ("pboc-shanghai-statement", "a_shares_tier1")]:
        effect = table.loc[key, "minimum_detectable_effect"]
        # A one-sample t test of n observations has noncentrality d sqrt(n) and n - 1 degrees.
        n = caar.loc[key, "degrees"] + 1
        d = effect / caar.loc[key, "std_error"] / np.sqrt(n)
        assert TTestPower().power(d, n, 0.05) == pytest.approx(0.8, abs=1e-6)


def test_the_report_shows_every_row_and_both_added_columns(study):
    table = tables.responses(study)
    report = tables.responses_report(study, table)
    assert len(report.frame) == len(table)
    assert list(report.frame.columns)[-2:] == ["Rejects, %", "MDE, %"]
    html = report.to_html()
    assert html.count("<tr") == len(table) + 1
    assert "..." not in html
    # No line breaks inside a date.
    assert "2019\u201110\u201128" in html or 'nowrap;">2019-10-28' in html
    row = report.frame.query("Session == '2019-10-28' and Group == 'A-shares, tier 1'").iloc[0]
    first = table.query("event_id == 'xi-politburo' and group == 'a_shares_tier1'").iloc[0]
    # Log returns, as the study computes them.
    caar, lower, upper = (f"{100 * first[name]:+.1f}" for name in ("caar", "lower", "upper"))
    assert row["CAAR, % (95 % interval)"] == f"{caar} ({lower} to {upper})"
    assert row["portfolio t (p)"] == f"{first['time_series_t']:.2f} (<0.001)"
    # 11 of the 38 names close the window at their limit: no verdict by the spread across them.
    assert row["adjusted BMP (p)"] == ""
    free = table["adjusted_bmp"].first_valid_index()
    statistic, p_value = table.loc[free, ["adjusted_bmp", "adjusted_bmp_p"]]
    assert report.frame.loc[free, "adjusted BMP (p)"] == f"{statistic:.2f} ({p_value:.3f})"
    alone = report.frame[report.frame["Group"] == "Bitcoin"]
    assert set(alone["adjusted BMP (p)"]) == {""}


def test_the_report_of_one_group_says_once_what_all_rows_share(study):
    table = tables.responses(study).query("group == 'coins'")
    report = tables.responses_report(study, table)
    assert len(report.frame) == 23
    assert not {"Group", "N", "rbar", "At limit, %", "Rejects, %"} & set(report.frame.columns)
    correlation, rate = table["mean_correlation"].iloc[0], table["rejection_rate"].iloc[0]
    assert report.note.startswith(
        f"Coins, N = 4, rbar = {correlation:.2f}, At limit = 0 %, Rejects = {100 * rate:.1f} %"
    )
    assert "constant mean model" in report.note
    # What is said once is explained too.
    assert "Rejects: share of ordinary sessions on which the nominal 5 %" in report.note
    assert "MDE: minimum detectable effect" in report.note
    assert "80 % power" in report.note
    assert "rbar: mean correlation" in report.note
    assert "At limit: share of the group" in report.note


def test_columns_of_numbers_are_set_to_the_right_and_minus_signs_are():
    frame = pd.DataFrame({"Name": ["up", "down"], "CAAR, %": ["+1.0 (0 to 2)", "-1.0"]})
    report = tables.ReportTable(frame, "From -1 to xi-politburo on 2019-10-28.")
    html = report.to_html()
    assert '<td style="text-align: left; white-space: nowrap;">down</td>' in html
    assert '<td style="text-align: right; white-space: nowrap;">\u22121.0</td>' in html
    assert "From \u22121 to xi-politburo on 2019-10-28." in html
    assert "| --- | ---: |" in report.to_markdown()
    assert "| down | \u22121.0 |" in report.to_markdown()
    # A terminal gets the hyphen that it can be searched for.
    assert "-1.0" in str(report)


def test_cells_are_kept_on_one_line_as_far_as_the_page_is_wide():
    narrow = pd.DataFrame({"a": ["one two-three"]})
    assert 'nowrap;">one two-three' in tables.ReportTable(narrow, "").to_html()
    words = pd.DataFrame({f"{n}": ["one two-three"] for n in range(9)})
    wide = words.assign(number="+1.0 (0.1 to 2.0)")
    html = tables.ReportTable(wide, "").to_html()
    # Words give way before numbers do.
    assert '<td style="text-align: left;">one two-three</td>' in html
    assert 'nowrap;">+1.0 (0.1 to 2.0)' in html
    dated = words.assign(when="on the day of 2019-10-28 in Shanghai")
    assert "2019\u201110\u201128" in tables.ReportTable(dated, "").to_html()


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "<0.001"), (0.001, "0.001"), (0.0449, "0.045"), (np.nan, "")]
)
def test_p_values_in_cells(value, text):
    assert tables.p_text(value) == text


def test_what_is_left_out_is_laid_out_by_reason(study):
    frame = tables.left_out_report(study).frame
    whole = frame[frame["Window"] == "all"]
    out = study.events[~study.events["in_sample"]]
    assert set(out["event_id"]) <= set(whole["Event"])
    assert set(whole.loc[whole["Event"].isin(out["event_id"]), "Assets"]) == {"all"}


def test_many_tickers_with_one_reason_are_counted(study):
    # Nobody has 119 sessions in the estimation window.
    short = replace(study, estimation=replace(study.estimation, minimum=119))
    frame = tables.left_out_report(short).frame.set_index("Event")
    assets = frame.loc["xi-politburo"].set_index("Reason")["Assets"]
    few = {reason[:3]: assets[reason] for reason in assets.index}
    # 43 A-shares without a gap and nine US-listed names, five of them by name.
    assert few["108"] == "000021.SZ, 000038.SZ, 000066.SZ, 000607.SZ, 002063.SZ and 47 more"
    assert few["101"] == "002610.SZ"
    assert few["106"] == "600208.SS, 600652.SS"
    assert few["112"] == "BTC-USD, ETH-USD, LTC-USD, NEO-USD, TRX-USD"


def test_nothing_left_out_is_said_so(study):
    bitcoin = study.with_prices(study.prices, study.assets[study.assets["ticker"] == "BTC-USD"])
    bitcoin = replace(bitcoin, events=study.events[study.events["in_sample"]])
    report = tables.left_out_report(bitcoin)
    assert report.frame.empty
    assert str(report) == "Nothing was left out."


# --- pooled over events -----------------------------------------------------------------------


def test_bitcoin_pooled_by_stance_is_the_regression_of_its_days(study):
    """Another computation of the same is `mean_response_by_stance`, of one asset on its own."""
    window = (0, 1)
    merged = clusters(study.alignment, study.groups).query("group == 'bitcoin'")
    roles = study.events.set_index("event_id")["role"]
    merged = merged[merged["event_id"].map(roles) == "policy"]
    crypto = study.events.set_index("event_id")["stance_crypto"]
    restrictive = {
        event_id: "restrictive"
        for members in merged["members"].str.split(";")
        if (crypto[members] < 0).any()
        for event_id in members
    }
    pooled = study.pool(restrictive, window).tidy().set_index("group").loc["bitcoin"]
    expected = mean_response_by_stance(study, "bitcoin", window).loc["restrictive"]
    assert pooled["n_clusters"] == expected["days"]
    for ours, theirs in (
        *(("mean", "mean_car"), ("lower", "lower"), ("upper", "upper")),
        *(("time_series_t", "t_stat"), ("time_series_t_p", "p_value")),
    ):
        assert pooled[ours] == pytest.approx(expected[theirs], rel=1e-9)


def test_the_pooled_report_says_what_the_file_holds(study, written):
    report = tables.pooled_report(study, "role", (0, 1))
    rows = [row for row in rows_of(written[0], "pooled") if row["window"] == "[0, 1]"]
    by_group = {group: place for place, group in enumerate(study.groups.unique())}
    rows.sort(key=lambda row: (row["label"], by_group[row["group"]]))
    assert report.frame["role"].tolist() == [row["label"] for row in rows]
    assert report.frame["Group"].tolist() == [study.label(row["group"]) for row in rows]
    assert report.frame["Clusters"].tolist() == [row["n_clusters"] for row in rows]
    for mean, interval, row in zip(
        report.frame["Mean, %"], report.frame["95 % interval"], rows, strict=True
    ):
        assert mean == f"{100 * float(row['mean']):+.2f}"
        lower, upper = (100 * float(row[name]) for name in ("lower", "upper"))
        assert interval == f"{lower:+.2f} to {upper:+.2f}"
    assert "as log returns" in report.note
    overlapping = sum("windows of one asset overlap" in row["note"] for row in rows)
    assert overlapping > 1
    assert f"In {overlapping} rows windows of one asset overlap: what is shown " in report.note


def test_the_report_compares_two_labels(tmp_path):
    folder = new_study(tmp_path / "study")
    small = chainpolicy.load_study(folder)
    # Two labels with a cluster each have a difference and no p-value; nothing is said of it.
    note = tables.pooled_report(small, "stance_crypto", (0, 1)).note
    assert "permutation" not in note
    # Its three dates lie weeks apart.
    assert "overlap" not in note


def test_differences_of_three_labels_are_in_the_note(study):
    note = tables.pooled_report(study, "stance_crypto", (0, 1)).note
    differences = study.pool("stance_crypto", (0, 1)).difference("-1", "0").set_index("group")
    assert (
        "-1 less 0, % (permutation of labels; those of overlapping windows stay together): " in note
    )
    assert f"Bitcoin {100 * differences['difference']['bitcoin']:+.2f} (p = " in note
    # Themes are too many to be compared with each other.
    assert "permutation" not in tables.pooled_report(study, "theme", (0, 1)).note


def test_a_column_that_the_catalogue_does_not_have_is_refused_with_a_suggestion(study, tmp_path):
    with pytest.raises(InputError, match=r'"stance_crypo".*did you mean "stance_crypto"'):
        study.pool("stance_crypo")
    with pytest.raises(InputError, match="--by"):
        tables.write_tables(study, study.results, tmp_path / "new", by="affects")
    assert not (tmp_path / "new").exists()


def test_events_of_one_session_that_hit_different_assets_are_rows_of_their_own(tmp_path):
    folder = new_study(tmp_path / "study")
    events = pd.read_csv(folder / "events.csv", dtype=str, keep_default_na=False)
    twin = events.iloc[[0]].assign(event_id="twin", affects="BOLT")
    events["affects"] = ["ACME;CRUX", "", "", ""]
    pd.concat([events, twin]).to_csv(folder / "events.csv", index=False)
    small = chainpolicy.load_study(folder)
    car = small.results.car((0, 0)).set_index(["event_id", "ticker"])["car"]
    for table in (
        estimated_responses(small, (0, 0)),
        tables.responses(small, (0, 0)),
    ):
        rows = table[table["group"] == "makers"].set_index("event_id")
        assert rows["members"]["rule-announced"] == "rule-announced"
        assert rows["caar"]["twin"] == pytest.approx(car["twin", "BOLT"], rel=1e-12)
        assert rows["n_assets"].to_dict() == {
            **{"rule-announced": 2, "twin": 1, "rule-effective": 3, "rule-withdrawn": 3}
        }
    # The figures draw both.
    _, merged = estimated_events(small)
    leads = merged[merged["group"] == "makers"].set_index("event_id")["lead"]
    assert leads[["rule-announced", "twin"]].tolist() == ["rule-announced", "twin"]
