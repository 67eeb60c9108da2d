"""A study and its results -> how far these can be trusted.

- ordinary sessions, other portfolios: `ordinary`, `placebo_days`, `space`, `market`, `difference`
- yardsticks of a response: `ladder`, `donors`
- choices of the study, single assets: `specifications`, `leave_one_out`, `randomization`
- choices of announcements, their dates: `pooled`, `selections`, `timing`
- what tests could find, and reject by chance: `power`, `simulation`, `multiple`
"""

from chainpolicy.checks.donors import donor_portfolios, donors_of_study
from chainpolicy.checks.ladder import (
    ladder,
    ordinary_of_rule,
    placebo_of_rule,
    results_of_rule,
    rung_errors,
    rung_of_rule,
    rung_study,
    size_rungs,
    study_of_rule,
)
from chainpolicy.checks.leave_one_out import leave_one_out
from chainpolicy.checks.market import boards
from chainpolicy.checks.multiple import adjust_for_multiple_testing, within_reach
from chainpolicy.checks.ordinary import placebo_p_values, rejection_rates
from chainpolicy.checks.placebo_days import draw_placebo_days
from chainpolicy.checks.pooled import (
    DRAWS,
    RESTRICTIVE,
    SUPPORTIVE,
    Clusters,
    by_order,
    difference,
    directions,
    event_clusters,
    events_of,
    fade,
    one_per_order,
    pooled_effect,
    pooled_subsets,
    random_calendars,
    split_by,
    without_each,
)
from chainpolicy.checks.portfolios import portfolio_difference
from chainpolicy.checks.power import minimum_detectable_effect
from chainpolicy.checks.selections import selections
from chainpolicy.checks.space import (
    cumulative_abnormal_returns,
    placebo_in_space,
    read_market,
    space_of_study,
    stored_space,
)
from chainpolicy.checks.specifications import CHOICES, specification_curve
from chainpolicy.checks.timing import (
    date_column,
    dated_caars,
    lost_share,
    redated,
    session_shifts,
    timing_cost,
)

__all__ = [
    "CHOICES",
    "DRAWS",
    "RESTRICTIVE",
    "SUPPORTIVE",
    "Clusters",
    "adjust_for_multiple_testing",
    "boards",
    "by_order",
    "cumulative_abnormal_returns",
    "date_column",
    "dated_caars",
    "difference",
    "directions",
    "donor_portfolios",
    "donors_of_study",
    "draw_placebo_days",
    "event_clusters",
    "events_of",
    "fade",
    "ladder",
    "leave_one_out",
    "lost_share",
    "minimum_detectable_effect",
    "one_per_order",
    "ordinary_of_rule",
    "placebo_in_space",
    "placebo_of_rule",
    "placebo_p_values",
    "pooled_effect",
    "pooled_subsets",
    "portfolio_difference",
    "random_calendars",
    "read_market",
    "redated",
    "rejection_rates",
    "results_of_rule",
    "rung_errors",
    "rung_of_rule",
    "rung_study",
    "selections",
    "session_shifts",
    "size_rungs",
    "space_of_study",
    "specification_curve",
    "split_by",
    "stored_space",
    "study_of_rule",
    "timing_cost",
    "within_reach",
    "without_each",
]
