"""Announcements that hit single assets of a group: each has its own, and none of another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import OLS

from chainpolicy import checks, estimators, figures
from chainpolicy.checks.randomization import permutation_test
from chainpolicy.cli import main
from chainpolicy.estimators.clusters import asset_clusters
from chainpolicy.estimators.policy_index import (
    response_by_stance,
    stance_sessions,
)
from chainpolicy.study import Study, load_study
from chainpolicy.study.parts import in_parts
from earnings_study import earnings_study
from made_study import event, made_study
from small_study import blank_pictures, build_less


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Earnings of sixteen firms; of two that report on one session one is good, one is bad."""
    folder, downloads = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("raw") / "files"
    earnings_study(folder, downloads)
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(settings.replace('pool_by = "surprise"\n', ""))
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
    # One announcement to two assets, of which another hit one: a part with it, a part alone. Both
    # are the announcement.
    assert list(tests["both"].effects.index) == ["FIRM0.L", "FIRM2.L"]
    assert list(tests["FIRM0.L-2"].effects.index) == ["FIRM0.L"]
    (part,) = (name for name in system.clusters["event_id"] if name.endswith(" (2)"))
    assert list(system.car(part).effects.index) in (["FIRM0.L"], ["FIRM2.L"])


@pytest.fixture(scope="module")
def own(study) -> pd.DataFrame:
    """CARs of assets on their sessions, with the sign of what hit them there, by hand."""
    stance = study.events.set_index("event_id")["stance_surprise"].astype(int)
    car = study.results.car((0, 1))[["event_id", "ticker", "car"]].merge(study.alignment)
    car = car.assign(stance=car["event_id"].map(stance), group=car["ticker"].map(study.groups))
    own = car.groupby(["group", "event_session", "ticker"]).agg(
        car=("car", "first"), net=("stance", "sum"), members=("event_id", frozenset)
    )
    return own.assign(sign=np.sign(own["net"])).reset_index()


def test_responses_by_stance_are_those_of_the_assets_that_were_hit(study, own):
    """Of one session, the firms with good news are one response, those with bad news another."""
    by_hand = own.groupby(["group", "event_session", "sign"])["car"].agg(["mean", "size"])
    rows = stance_sessions(study)
    found = rows.set_index(["group", "event_session", "stance"])
    assert found.index.is_unique
    assert len(found) == len(by_hand)
    for key, row in by_hand.iterrows():
        assert found.loc[key, "caar"] == pytest.approx(row["mean"])
        assert found.loc[key, "n_assets"] == row["size"]
    (mixed,) = rows[rows["mixed"]].to_dict("records")
    assert set(mixed["members"].split(";")) == {"both", "FIRM0.L-2"}
    twice = rows.duplicated(["group", "event_session"], keep=False)
    assert twice.any()
    assert rows.loc[twice, "overlaps"].all()
    means = response_by_stance(rows).set_index("group")
    for group, name in (("xlon", "supportive"), ("xtks", "restrictive")):
        of_sign = by_hand.xs((group, 1 if name == "supportive" else -1), level=("group", "sign"))
        assert means.loc[group, name] == pytest.approx(of_sign["mean"].mean())
        assert means.loc[group, f"n_{name}"] == len(of_sign)


def test_two_choices_are_compared_by_the_assets_that_they_hit(study, own):
    stance = study.events.set_index("event_id")["stance_surprise"].astype(int)
    good, bad = (tuple(stance.index[stance == sign]) for sign in (1, -1))
    pairs = own[own["group"] == "xlon"]
    has_good = pairs["members"].map(lambda names: not names.isdisjoint(good))
    has_bad = pairs["members"].map(lambda names: not names.isdisjoint(bad))
    first, second, every_bad = (
        pairs[chosen].groupby("event_session")["car"].mean()
        for chosen in (has_good, ~has_good, has_bad)
    )
    found = checks.difference(study, "xlon", good, bad)
    assert (found["n_first"], found["n_second"]) == (len(first), len(second))
    assert found["mean_first"] == pytest.approx(first.mean())
    assert found["mean_second"] == pytest.approx(second.mean())
    (row,) = checks.pooled_subsets(study, "xlon", {"bad": bad}).to_dict("records")
    assert row["mean"] == pytest.approx(every_bad.mean())
    assert row["n_clusters"] == len(every_bad)


def test_a_choice_of_announcements_is_pooled_as_the_library_pools_it(study):
    """The same numbers, by two ways; each session is ranked among its own assets' sessions."""
    stance = study.events.set_index("event_id")["stance_surprise"].astype(int)
    bad = tuple(stance.index[stance == -1])
    (row,) = checks.pooled_subsets(study, "xlon", {"bad": bad}).to_dict("records")
    pool = study.results.pool(dict.fromkeys(bad, "bad")).tidy().query("group == 'xlon'").iloc[0]
    for name in ("n_events", "n_clusters", "n_blocks"):
        assert row[name] == pool[name]
    for name in ("mean", "randomization_p", "sign_flip_p"):
        assert row[name] == pytest.approx(pool[name], rel=1e-9)
    (few, all_of_them) = (
        checks.event_clusters(study, "xlon", (0, 1), events) for events in (bad, None)
    )
    assert few.session.isin(all_of_them.session).all()
    with pytest.raises(ValueError, match="hit different assets: name those that count"):
        all_of_them.of(bad)
    with pytest.raises(ValueError, match="hit only some assets"):
        estimators.in_volatility(constant_mean(study), few)


def constant_mean(study: Study) -> Study:
    return replace(study, model="constant_mean", benchmarks=dict.fromkeys(study.benchmarks, ()))


def test_every_choice_on_one_pair_of_event_and_asset(study):
    """A mapping may label pairs: of one announcement, one asset alone."""
    found = study.results.pool({("both", "FIRM2.L"): "one"}).clusters
    car = study.results.car((0, 1)).set_index(["event_id", "ticker"])["car"]
    assert found["caar"].tolist() == pytest.approx([car["both", "FIRM2.L"]])
    with pytest.raises(ValueError, match="there is no event nothing to pool"):
        study.results.pool({("nothing", "FIRM2.L"): "one"})


def test_an_announcement_to_two_groups_names_no_cluster_of_other_members(study):
    """FIRM0 and FIRM4 have two announcements on one session, FIRM5 one of them."""
    groups = study.groups.copy()
    groups[[f"FIRM{n}.L" for n in range(4, 8)]] = "other"
    like = study.alignment.query("event_id == 'FIRM1.L-5'")
    hits = {"broad": ["FIRM0.L", "FIRM4.L", "FIRM5.L"], "narrow": ["FIRM0.L", "FIRM4.L"]}
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
    assert of["FIRM0.L"] == of["FIRM4.L"] != of["FIRM5.L"]
    by_cluster = data.groupby("event_id")["stance"]
    assert (by_cluster.max() == by_cluster.min()).all()
    assert "xlon, other" in set(estimators.cross_sections(changed).tidy()["sample"])


def test_what_is_not_estimated_makes_no_second_response(study):
    """An announcement also hits an asset with too few returns: the other's response is one."""
    hits = [("pair", "FIRM0.L", 1), ("pair", "FIRM5.L", 1), ("alone", "FIRM0.L", -1)]
    like = study.alignment.query("event_id == 'FIRM0.L-4'")
    event = study.events.query("event_id == 'FIRM0.L-4'")
    returns = study.returns
    short = returns[returns["ticker"] == "FIRM5.L"].index[30:]
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


def test_the_report_pools_by_stance(study, tmp_path, monkeypatch, same_code, one_process):
    path = Path(study.path)
    build_less(monkeypatch, tmp_path)
    blank_pictures(monkeypatch)
    assert main(["regenerate", str(path), "--output", str(tmp_path / "r"), "--only", "study"]) == 0
    text = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "and by stance" in text
    assert ">stance_surprise<" in text


# --- an announcement to all, and one to a single asset on its session -----------------------------


def with_news_of_one(study: Study, event_id: str, name: str, *, stance: int, role: str) -> Study:
    """Add an announcement that hits one asset of the group, on the session of another."""
    like = study.alignment.query("event_id == @event_id and ticker == 'ACME'")
    event = study.events.query("event_id == @event_id")
    return replace(
        study,
        alignment=pd.concat(
            [study.alignment, like.assign(event_id=name, role=role)], ignore_index=True
        ),
        events=pd.concat(
            [
                study.events,
                event.assign(event_id=name, stance_crypto=stance, role=role),
            ],
            ignore_index=True,
        ),
    )


@pytest.mark.parametrize(("stance", "role"), [(-1, "policy"), (0, "policy"), (0, "control")])
def test_news_of_one_asset_adds_no_observation_to_a_session(template, stance, role):
    changed = with_news_of_one(template, "rule-withdrawn", "own", stance=stance, role=role)
    events = ["rule-withdrawn", "rule-announced", *(["own"] if stance else [])]
    before = checks.pooled_subsets(template, "makers", {"x": events[:2]})
    after = checks.pooled_subsets(changed, "makers", {"x": events})
    columns = ["n_clusters", "n_blocks", "mean"]
    pd.testing.assert_frame_equal(after[columns], before[columns])
    pd.testing.assert_frame_equal(
        response_by_stance(stance_sessions(changed)), response_by_stance(stance_sessions(template))
    )


def test_a_later_session_counts_if_its_announcements_together_hit_all(template):
    changed = with_news_of_one(template, "rule-withdrawn", "own", stance=-1, role="policy")
    before, after = (
        estimators.undoing(of, estimators.EventDummySystem.from_study(of).fit())
        for of in (template, changed)
    )
    assert "own" in ";".join(after["members"])
    numbers = ["group", "step", "n_assets", "average", "std_error", "p_value", "f_p_value"]
    pd.testing.assert_frame_equal(after[numbers], before[numbers])


def test_a_part_takes_no_name_that_an_event_has(template):
    changed = with_news_of_one(template, "rule-withdrawn", "own", stance=-1, role="policy")
    other = "rule-withdrawn (2)"
    changed = replace(
        changed,
        events=changed.events.replace({"event_id": {"rule-announced": other}}),
        alignment=changed.alignment.replace({"event_id": {"rule-announced": other}}),
    )
    parts = in_parts(changed)
    assert other not in parts.event_of
    assert parts.study.events["event_id"].is_unique
    assert not parts.study.alignment.duplicated(["event_id", "ticker"]).any()


def test_announcements_of_one_session_share_its_shock():
    """Five firms report on each of six sessions, which move all of them alike: nothing to find."""
    rng = np.random.default_rng(20)
    session, firm = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    low = {"p_permutation": [], "p_bootstrap": [], "by stance": []}
    for _ in range(60):
        car = rng.normal(0, 0.03, 6)[session] + rng.normal(0, 0.01, 30)
        data = pd.DataFrame(
            {
                "event_id": [f"{s}-{f}" for s, f in zip(session, firm, strict=True)],
                "event_session": pd.to_datetime("2020-01-01") + pd.to_timedelta(session, "D"),
                "ticker": firm.astype(str),
                "car": car,
                "stance": np.where(session % 2, 1, -1),
            }
        )
        fitted = estimators.CrossSection(data, "stance").fit(draws=199)
        low["p_permutation"].append(fitted.p_permutation)
        low["p_bootstrap"].append(fitted.p_bootstrap)
        own = permutation_test(car, session % 2 == 1, draws=199, session=session)
        low["by stance"].append(own.p_value)
        assert fitted.n_events == 30
        assert own.smallest_p > 0.05
    for p_values in low.values():
        assert np.mean(np.array(p_values) < 0.05) <= 0.15
    few = data[data["event_session"] < "2020-01-03"]
    fitted = estimators.CrossSection(few, "stance").fit(draws=99)
    assert np.isnan(fitted.p_permutation)
    assert "5 supportive and 5 restrictive events" in fitted.note


def test_stances_that_differ_within_every_session_can_be_told_from_its_shock():
    rng = np.random.default_rng(21)
    session = np.repeat(np.arange(8), 2)
    supportive = rng.permuted(np.tile([True, False], (8, 1)), axis=1).ravel()
    car = rng.normal(0, 0.05, 8)[session] + 0.02 * supportive + rng.normal(0, 0.001, 16)
    found = permutation_test(car, supportive, session=session)
    assert found.difference == pytest.approx(0.02, abs=0.002)
    assert found.p_value < 0.05
    other = permutation_test(car, np.tile([True, False], 8), session=session)
    assert other.p_value > 0.05
    # One session of one and one of two: nothing can change places.
    fixed = permutation_test(car[:3], np.array([True, False, False]), session=np.array([0, 1, 1]))
    assert np.isnan(fixed.p_value)


def test_what_announcements_are_called_does_not_change_a_permutation():
    rng = np.random.default_rng(22)
    session = np.repeat(np.arange(8), [1, 2, 3, 3, 2, 2, 3, 2])
    data = pd.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(len(session))],
            "event_session": pd.to_datetime("2020-01-01") + pd.to_timedelta(session, "D"),
            "ticker": [str(n) for n in rng.integers(3, size=len(session))],
            "car": rng.normal(size=len(session)),
            "stance": rng.choice([-1, 1], size=len(session)),
        }
    )
    names = rng.permutation(data["event_id"])
    found = [
        estimators.CrossSection(data.assign(event_id=ids), "stance").fit()
        for ids in (data["event_id"], names)
    ]
    assert found[0].estimate == pytest.approx(found[1].estimate)
    assert found[0].p_permutation == pytest.approx(found[1].p_permutation, abs=0.03)


def test_a_cluster_is_not_named_as_one_of_another_session_with_other_members():
    """Of X on Friday and Y on Saturday a share has both on Monday, a coin each on its own day."""
    friday, monday = pd.to_datetime(["2018-06-08", "2018-06-11"])
    rows = [("X", "SHARE", monday), ("Y", "SHARE", monday), ("X", "COIN", friday)]
    rows += [("Y", "COIN", monday), ("X", "LATE", monday)]
    alignment = pd.DataFrame(rows, columns=["event_id", "ticker", "event_session"])
    at = {"X": "2018-06-08T17:00-04:00", "Y": "2018-06-09T12:00-04:00"}
    alignment = alignment.assign(calendar="XNYS", announced_at=alignment["event_id"].map(at))
    groups = pd.Series({"SHARE": "shares", "COIN": "coins", "LATE": "shares"})
    table = asset_clusters(alignment, groups)
    named = table.groupby("event_id")["members"].nunique()
    assert (named == 1).all()
    assert set(table.loc[table["members"] == "X;Y", "event_id"]) == {"X;Y"}


def test_every_comparison_of_labels_within_sessions_finds_the_same(template):
    """Two firms report on each of ten sessions, one good (+5 %), one bad: 2 of 1,024 exchanges."""
    days = pd.DatetimeIndex(np.sort(template.returns.query("ticker == 'ACME'")["session"].unique()))
    at = days[-60:-10:5]
    like = template.alignment.query("event_id == 'rule-announced'").iloc[0].to_dict()
    event = template.events.query("event_id == 'rule-announced'")
    returns = template.returns.set_index(["ticker", "session"])["return"].copy()
    rows, events, good, bad = [], [], [], []
    for number, day in enumerate(at):
        firms = ("ACME", "BOLT") if number % 2 else ("BOLT", "ACME")
        for firm, stance, chosen in zip(firms, (1, -1), (good, bad), strict=True):
            name = f"{firm}-{number}"
            chosen.append(name)
            rows.append(like | {"event_id": name, "ticker": firm, "event_session": day})
            events.append(event.assign(event_id=name, stance_crypto=stance))
            returns[firm, day] += 0.05 * stance
    study = replace(
        template,
        alignment=pd.DataFrame(rows).assign(calendar="XNYS"),
        events=pd.concat(events, ignore_index=True),
        returns=template.returns.assign(
            **{"return": [returns[key] for key in zip(template.returns["ticker"],
                                                      template.returns["session"], strict=True)]}
        ),
    )  # fmt: skip
    window = (0, 0)
    found = checks.difference(study, "makers", good, bad, window)
    labels = dict.fromkeys(good, "good") | dict.fromkeys(bad, "bad")
    (pooled,) = study.results.pool(labels, window).difference("good", "bad").to_dict("records")
    by_stance = response_by_stance(stance_sessions(study, window))
    by_stance = by_stance.query("group == 'makers'").iloc[0]
    data = estimators.cross_section_data(study, study.results, window)
    fitted = estimators.CrossSection(data, "stance_crypto").fit()
    assert found["n_first"] == pooled["n_first"] == by_stance["n_supportive"] == 10
    assert found["difference"] == pytest.approx(0.1, abs=0.02)
    assert pooled["difference"] == pytest.approx(found["difference"])
    assert found["p_value"] == pooled["p_value"]
    assert checks.difference(study, "makers", bad, good, window)["p_value"] == found["p_value"]
    assert by_stance["difference"] == pytest.approx(found["difference"])
    # Too many of them to be sure that 9,999 draws have all.
    assert fitted.n_assignments == 9_999
    for p_value in (
        *(found["p_value"], pooled["p_value"], by_stance["p_value"], fitted.p_permutation),
    ):
        assert p_value == pytest.approx(2 / 2**10, abs=0.002)


def test_sessions_that_cannot_change_places_leave_a_reason():
    """Sessions of one to six events of one stance: none has as many as another."""
    session = np.repeat(np.arange(6), np.arange(1, 7))
    data = pd.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(len(session))],
            "event_session": pd.to_datetime("2020-01-01") + pd.to_timedelta(session, "D"),
            "ticker": [str(n % 3) for n in range(len(session))],
            "car": np.random.default_rng(23).normal(size=len(session)),
            "stance": np.where(session % 2, 1, -1),
        }
    )
    fitted = estimators.CrossSection(data, "stance").fit(draws=99)
    assert np.isnan(fitted.p_permutation)
    assert fitted.note == (
        "no permutation: no session has as many events as another, of other values"
    )
    assert fitted.p_bootstrap > 0


@pytest.mark.parametrize("late", ["A;B", "A"])
def test_a_session_is_named_by_what_was_announced_first(late):
    """However many assets a later announcement hits, and whatever they are called."""
    events = [event("early", 300, "C", hour=7), event("late", 300, late, hour=9)]
    study = made_study(events, dict.fromkeys("ABCD", "g"))
    row = stance_sessions(study).iloc[0]
    assert (row["event_id"], row["members"]) == ("early", "early;late")
    assert row["n_assets"] == len(late.split(";")) + 1
    hit = study.results.car((0, 1)).set_index("ticker")["car"]
    assert row["caar"] == pytest.approx(hit.mean(), rel=1e-12)
