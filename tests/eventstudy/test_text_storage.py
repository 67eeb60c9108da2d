"""Tables hold the same whether pandas keeps their text in Python's strings or in Arrow's."""

from __future__ import annotations

import pandas as pd
import pytest

from chainpolicy.study.study import TEMPLATE, load_study


def tables(storage: str) -> dict[str, pd.DataFrame]:
    with pd.option_context("mode.string_storage", storage):
        study = load_study(TEMPLATE)
        results = study.estimate()
        window = study.car_windows[0]
        return {
            "returns": study.returns,
            "alignment": study.alignment,
            "pairs": results.pairs,
            "excluded": results.excluded,
            "abnormal returns": results.abnormal_returns,
            "car": results.car(window),
            "caar": results.caar(window),
            "tests": results.tests(window).tidy(),
            "pooled": results.pool("stance_crypto", window).tests,
            "placebo": study.event_study().placebo(window).caar(window),
        }


@pytest.fixture(scope="module")
def in_both() -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    return tables("python"), tables("pyarrow")


def test_the_option_changes_how_text_is_kept(in_both):
    python, arrow = in_both
    kept = [tables["returns"]["ticker"].dtype.storage for tables in (python, arrow)]
    assert kept == ["python", "pyarrow"]


def test_every_table_holds_the_same(in_both):
    python, arrow = in_both
    for name, table in python.items():
        assert len(table) or name == "excluded"
        assert table.columns.tolist() == arrow[name].columns.tolist()
        assert table.astype(object).equals(arrow[name].astype(object)), name
