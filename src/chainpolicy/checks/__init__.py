"""How far a result can be trusted.

Placebo in time (`placebo_p_values`, `rejection_rates`) compares an event with ordinary sessions of
the same portfolio, of which `draw_placebo_days` draws clean placebo events; placebo in space
(`placebo_in_space`) compares a portfolio with random portfolios on the same session,
`portfolio_difference` two portfolios with each other. `ladder` compares the yardsticks that a
return can be measured against, `rung_errors` says which forecasts best where nothing happened;
`donors_of_study` builds the donors that some of them need. `specification_curve` and
`leave_one_out` say how much a response owes to the choices of the study and to single assets,
`minimum_detectable_effect` what the tests could have found, and
`adjust_for_multiple_testing` what is left when one looked at many.
"""

from chainpolicy.checks.difference import portfolio_difference
from chainpolicy.checks.donors import donor_portfolios, donors_of_study
from chainpolicy.checks.ladder import (
    ladder,
    placebo_of_rule,
    results_of_rule,
    rung_errors,
    rung_of_rule,
    rung_study,
    size_rungs,
)
from chainpolicy.checks.leave_one_out import leave_one_out
from chainpolicy.checks.market import boards
from chainpolicy.checks.multiple import adjust_for_multiple_testing, within_reach
from chainpolicy.checks.ordinary import placebo_p_values, rejection_rates
from chainpolicy.checks.placebo_days import draw_placebo_days, placebo_day_responses
from chainpolicy.checks.power import minimum_detectable_effect
from chainpolicy.checks.space import (
    cumulative_abnormal_returns,
    placebo_in_space,
    read_market,
    space_of_study,
    stored_space,
)
from chainpolicy.checks.specifications import CHOICES, specification_curve

__all__ = [
    "CHOICES",
    "adjust_for_multiple_testing",
    "boards",
    "cumulative_abnormal_returns",
    "donor_portfolios",
    "donors_of_study",
    "draw_placebo_days",
    "ladder",
    "leave_one_out",
    "minimum_detectable_effect",
    "placebo_day_responses",
    "placebo_in_space",
    "placebo_of_rule",
    "placebo_p_values",
    "portfolio_difference",
    "read_market",
    "rejection_rates",
    "results_of_rule",
    "rung_errors",
    "rung_of_rule",
    "rung_study",
    "size_rungs",
    "space_of_study",
    "specification_curve",
    "stored_space",
    "within_reach",
]
