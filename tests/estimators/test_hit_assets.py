"""Announcements that hit single assets of a group: each has its own, and none of another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import OLS

from chainpolicy import checks, estimators, figures
from chainpolicy.cli import main
from chainpolicy.estimators.clusters import asset_clusters
from chainpolicy.estimators.policy_index import stance_sessions
from chainpolicy.study import Study, load_study
from earnings_study import earnings_study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Earnings of twenty firms; of two firms that report on one session one is good, one is bad."""
    folder, downloads = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("raw") / "files"
    earnings_study(folder, downloads)
    events = pd.read_csv(folder / "events.csv", dtype=str)
    events["stance_surprise"] = events.pop("surprise").map({"good": 1, "bad": -1})
    # Two London firms report together, with opposite news; a third event hits both.
    events.loc[events["event_id"] == "FIRM1.L-2", "announced_at"] = events.loc[
        events["event_id"] == "FIRM0.L-2", "announced_at"
    ].item()
    both = events[events["event_id"] == "FIRM0.L-2"].assign(
        event_id="both", affects="FIRM0.L;FIRM2.L", stance_surprise=1
    )
    pd.concat([events, both]).to_csv(folder / "events.csv", index=False)
    assert (
        main(["prices", "import", *map(str, downloads.glob("*.csv")), "--into", str(folder)]) == 0
    )
    return load_study(folder)


def test_each_asset_has_the_announcements_that_hit_it(study):
    table = asset_clusters(study.alignment, study.groups).set_index(["ticker", "event_session"])
    session = study.alignment.query("event_id == 'both'")["event_session"].iloc[0]
    of = table.xs(session, level="event_session").loc[["FIRM0.L", "FIRM1.L", "FIRM2.L"]]
    assert of["members"].map(lambda names: set(names.split(";"))).tolist() == [
        {"FIRM0.L-2", "both"},
        {"FIRM1.L-2"},
        {"both"},
    ]
    assert of["event_id"].is_unique


def test_the_cross_section_has_every_pair_with_its_own_stance(study):
    car = study.results.car((0, 1))[["event_id", "ticker", "car"]]
    own = car.merge(study.alignment[["event_id", "ticker", "event_session"]])
    stance = study.events.set_index("event_id")["stance_surprise"].astype(float)
    own = own.assign(stance=own["event_id"].map(stance))
    # An asset that two announcements hit on one session has the sign of their sum.
    own = own.groupby(["ticker", "event_session"]).agg(
        car=("car", "first"), stance=("stance", "sum")
    )
    own = own.reset_index()
    own["stance"] = np.sign(own["stance"])
    table = estimators.cross_sections(study).tidy()
    for group in study.groups.unique():
        rows = own[own["ticker"].map(study.groups) == group]
        dummies = pd.get_dummies(rows["ticker"]).astype(float)
        slope = OLS(rows["car"], dummies.assign(stance=rows["stance"])).fit().params["stance"]
        (found,) = table.query("sample == @group and regressor == 'stance_surprise'").to_dict(
            "records"
        )
        assert found["n_obs"] == len(rows)
        assert found["estimate"] == pytest.approx(slope, abs=1e-12)


def test_a_system_tests_the_assets_that_are_hit(study):
    results = estimators.EventDummySystem.from_study(study, window=(0, 0)).fit()
    hit_by = study.alignment.groupby(["ticker", "event_session"])["event_id"].agg(set)
    for row in results.tidy().to_dict("records"):
        # The assets that exactly these announcements hit on the session.
        members = {name.partition(" (")[0] for name in row["members"].split(";")}
        there = hit_by.xs(row["event_session"], level="event_session")
        hit = there.index[(there == members) & (there.index.map(study.groups) == row["group"])]
        system = results[row["group"]]
        day = f"{row['event_session']:%Y-%m-%d}"
        assert row["n_assets"] == len(hit)
        assert row["average"] == pytest.approx(system.gamma.loc[day, list(hit)].mean())
        portfolio = (system.design @ system.coefficients + system.residuals)[list(hit)].mean(axis=1)
        alone = OLS(portfolio, system.design).fit()
        assert row["std_error"] == pytest.approx(alone.bse[day])
    # Every pair of an asset and a session is in one test.
    assert results.tidy()["n_assets"].sum() == len(hit_by)
    with pytest.raises(ValueError, match=r"no asset of group .* is hit by all of these"):
        results["xlon"].contrast({"FIRM0.L-1": 1, "FIRM1.L-1": 1})
    with pytest.raises(ValueError, match="share a session: their windows are one"):
        results["xlon"].contrast({"FIRM0.L-2": 1, "FIRM1.L-2": 1})


def test_a_later_announcement_undoes_one_only_for_the_asset_that_it_hits(study):
    results = estimators.EventDummySystem.from_study(study, window=(0, 0)).fit()
    steps = estimators.undoing(study, results).query("group == 'xlon'")
    firm = study.alignment.set_index("event_id").loc[steps["event_id"].iloc[0], "ticker"]
    assert len(steps) > 1
    assert all(
        firm in set(study.alignment.query("event_id == @name")["ticker"])
        for name in steps["event_id"]
    )
    assert set(steps["n_assets"]) == {1}
    # A session is one step, whoever else was hit on it.
    assert (
        steps["event_id"]
        .map(study.alignment.drop_duplicates("event_id").set_index("event_id")["event_session"])
        .is_unique
    )


def test_windows_of_one_session_have_one_dummy(study):
    joint = estimators.EventDummySystem.from_study(study, window=(0, 1), dummies="window").fit()
    system = joint["xlon"]
    tests = {name: system.car(name) for name in ("FIRM0.L-2", "FIRM1.L-2", "both")}
    assert np.linalg.matrix_rank(system.design) == system.design.shape[1]
    dummied = system.gamma.loc["FIRM0.L-2"] * 2
    for test in tests.values():
        assert test.effects.to_dict() == pytest.approx(dummied[test.effects.index].to_dict())
    assert list(tests["FIRM1.L-2"].effects.index) == ["FIRM1.L"]
    # One announcement to two assets, of which another hit one: a part with it, a part alone.
    apart = {name: list(system.car(name).effects.index) for name in ("both", "both (2)")}
    assert sorted(apart.values()) == [["FIRM0.L"], ["FIRM2.L"]]
    assert list(tests["FIRM0.L-2"].effects.index) == ["FIRM0.L"]


def test_responses_by_stance_are_those_of_the_assets_that_were_hit(study):
    stance = study.events.set_index("event_id")["stance_surprise"].astype(int)
    car = study.results.car((0, 1))[["event_id", "ticker", "car"]].merge(study.alignment)
    own = car.groupby(["ticker", "event_session"]).agg(
        car=("car", "first"), members=("event_id", frozenset)
    )
    own = own.reset_index().assign(group=lambda table: table["ticker"].map(study.groups))
    clusters = own.groupby(["group", "event_session", "members"])["car"].mean()
    rows = stance_sessions(study)
    assert len(rows) == len(clusters) == len(study.events)
    for row in rows.to_dict("records"):
        members = frozenset(row["members"].split(";"))
        assert row["stance"] == np.sign(sum(stance[name] for name in members))
        assert row["caar"] == pytest.approx(clusters[row["group"], row["event_session"], members])
    (mixed,) = rows[rows["members"].str.contains(";")].to_dict("records")
    assert (mixed["stance"], mixed["mixed"], mixed["n_assets"]) == (0, True, 1)


def test_two_choices_are_compared_by_the_assets_that_they_hit(study):
    stance = study.events.set_index("event_id")["stance_surprise"].astype(int)
    good, bad = (tuple(stance.index[stance == sign]) for sign in (1, -1))
    rows = stance_sessions(study).query("group == 'xlon'")
    first = rows["members"].map(lambda names: not {*good}.isdisjoint(names.split(";")))
    found = checks.difference(study, "xlon", good, bad)
    assert (found["n_first"], found["n_second"]) == (first.sum(), (~first).sum())
    assert found["mean_first"] == pytest.approx(rows.loc[first, "caar"].mean())
    assert found["mean_second"] == pytest.approx(rows.loc[~first, "caar"].mean())
    pooled = checks.pooled_subsets(study, "xlon", {"bad": bad}).iloc[0]
    holds = rows["members"].map(lambda names: not {*bad}.isdisjoint(names.split(";")))
    assert pooled["mean"] == pytest.approx(rows.loc[holds, "caar"].mean())
    assert pooled["n_clusters"] == holds.sum()


def test_an_announcement_to_two_groups_names_no_cluster_of_other_members(study):
    """FIRM0 and FIRM5 have two announcements on one session, FIRM6 one of them."""
    groups = study.groups.copy()
    groups[[f"FIRM{n}.L" for n in range(5, 10)]] = "other"
    like = study.alignment.query("event_id == 'FIRM1.L-5'")
    hits = {"broad": ["FIRM0.L", "FIRM5.L", "FIRM6.L"], "narrow": ["FIRM0.L", "FIRM5.L"]}
    rows = [like.assign(event_id=name, ticker=ticker) for name in hits for ticker in hits[name]]
    event = study.events.query("event_id == 'FIRM1.L-5'")
    events = [event.assign(event_id="broad", stance_surprise=1)]
    events += [event.assign(event_id="narrow", stance_surprise=-1)]
    changed = replace(
        study,
        groups=groups,
        assets=study.assets.assign(group=study.assets["ticker"].map(groups)),
        alignment=pd.concat([study.alignment, *rows], ignore_index=True),
        events=pd.concat([study.events, *events], ignore_index=True),
    )
    data = estimators.cross_section_data(changed, changed.results)
    of = data[data["event_id"].str.contains("broad")].set_index("ticker")["event_id"]
    assert of["FIRM0.L"] == of["FIRM5.L"] != of["FIRM6.L"]
    by_cluster = data.groupby("event_id")["stance"]
    assert (by_cluster.max() == by_cluster.min()).all()
    assert "xlon, other" in set(estimators.cross_sections(changed).tidy()["sample"])


def test_what_is_not_estimated_makes_no_second_response(study):
    """An announcement also hits an asset with too few returns: the other's response is one."""
    hits = [("pair", "FIRM0.L", 1), ("pair", "FIRM9.L", 1), ("alone", "FIRM0.L", -1)]
    like = study.alignment.query("event_id == 'FIRM0.L-4'")
    event = study.events.query("event_id == 'FIRM0.L-4'")
    returns = study.returns
    short = returns[returns["ticker"] == "FIRM9.L"].index[30:]
    changed = replace(
        study,
        returns=returns.drop(index=short),
        alignment=pd.concat(
            [
                study.alignment[study.alignment["event_id"] != "FIRM0.L-4"],
                *(like.assign(event_id=name, ticker=ticker) for name, ticker, _ in hits),
            ],
            ignore_index=True,
        ),
        events=pd.concat(
            [
                study.events[study.events["event_id"] != "FIRM0.L-4"],
                event.assign(event_id="pair", stance_surprise=1),
                event.assign(event_id="alone", stance_surprise=-1),
            ],
            ignore_index=True,
        ),
    )
    rows = stance_sessions(changed)
    (row,) = rows[rows["members"].str.contains("pair")].to_dict("records")
    assert set(row["members"].split(";")) == {"pair", "alone"}
    assert (row["stance"], row["mixed"]) == (0, True)
    tested = estimators.EventDummySystem.from_study(changed, window=(0, 1)).fit().tidy()
    assert tested["members"].str.contains("pair|alone").sum() == 1


def test_no_index_of_a_group_is_made_of_news_of_single_assets(study):
    for draw in ("policy_index", "local_projections"):
        spec = {figure.name: figure for figure in figures.FIGURES}[draw]
        with pytest.raises(figures.NothingToDrawError, match="to a whole group"):
            spec.draw(study)


def test_a_row_of_the_forest_names_the_announcements_of_all_groups(study):
    drawn, frame = figures.draw_pooled_forest(study)
    labels = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    sessions = frame.dropna(subset="event_session").groupby("event_session")["events"].agg(";".join)
    assert len(labels) == len(sessions) + 1
    for label, (session, events) in zip(labels[:-1], sessions.items(), strict=True):
        assert label.endswith(f"{session:%Y-%m-%d}")
        assert label.startswith(events[:8])


def test_the_report_pools_by_stance(study, tmp_path):
    path = Path(study.path)
    assert main(["regenerate", str(path), "--output", str(tmp_path / "r"), "--only", "study"]) == 0
    text = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "and by their stance" in text
    assert ">stance_surprise<" in text
