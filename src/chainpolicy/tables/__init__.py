"""Results become tables: tidy files, and tables to be read."""

from chainpolicy.tables.choices import (
    effects_report,
    sizes_report,
    timing_report,
)
from chainpolicy.tables.estimates import (
    estimate_tables,
    excluded,
    left_out_report,
    pooled,
    pooled_report,
    regressed_window,
    regression_report,
    regression_tables,
    write_tables,
)
from chainpolicy.tables.events import events_report, sessions_report
from chainpolicy.tables.responses import (
    CENSORED_SHARE,
    FAMILIES,
    RULE,
    controls,
    headline_windows,
    most_significant,
    over_windows,
    responses,
    responses_report,
    significance,
    significance_report,
    windows_report,
)
from chainpolicy.tables.settings import settings_report
from chainpolicy.typeset.report_table import ReportTable, p_text

__all__ = [
    "CENSORED_SHARE",
    "FAMILIES",
    "RULE",
    "ReportTable",
    "controls",
    "effects_report",
    "estimate_tables",
    "events_report",
    "excluded",
    "headline_windows",
    "left_out_report",
    "most_significant",
    "over_windows",
    "p_text",
    "pooled",
    "pooled_report",
    "regressed_window",
    "regression_report",
    "regression_tables",
    "responses",
    "responses_report",
    "sessions_report",
    "settings_report",
    "significance",
    "significance_report",
    "sizes_report",
    "timing_report",
    "windows_report",
    "write_tables",
]
