"""Event-study regressions: events that overlap, share sessions and hit many assets at once."""

from chainpolicy.regression.clusters import policy_clusters
from chainpolicy.regression.cross_section import (
    AbsorbedError,
    CrossSection,
    CrossSectionResults,
    CrossSections,
    cross_section_data,
    cross_sections,
)
from chainpolicy.regression.overlap import Overlap, overlap, overlapping_clusters, overlaps
from chainpolicy.regression.system import EventDummySystem
from chainpolicy.regression.system_results import GroupSystem, SystemResults, SystemTest
from chainpolicy.regression.undoing import undoing, undoing_report

__all__ = [
    "AbsorbedError",
    "CrossSection",
    "CrossSectionResults",
    "CrossSections",
    "EventDummySystem",
    "GroupSystem",
    "Overlap",
    "SystemResults",
    "SystemTest",
    "cross_section_data",
    "cross_sections",
    "overlap",
    "overlapping_clusters",
    "overlaps",
    "policy_clusters",
    "undoing",
    "undoing_report",
]
