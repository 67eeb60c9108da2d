"""Sentences write numbers as texts do."""

from __future__ import annotations

import numpy as np
import pytest

from chainpolicy.findings.base import p_value, percent


@pytest.mark.parametrize(
    ("log_return", "text"),
    # exp(0.731) - 1 = 1.0772, exp(-0.6931) - 1 = -0.5
    [(0.0, "+0.0 %"), (0.731, "+107.7 %"), (-np.log(2), "-50.0 %")],
)
def test_texts_quote_simple_returns(log_return, text):
    assert percent(log_return) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "p < 0.001"), (0.001, "p = 0.001"), (0.0449, "p = 0.045")]
)
def test_small_p_values_are_not_written_as_zero(value, text):
    assert p_value(value) == text
