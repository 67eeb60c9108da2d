"""Event studies: frames in, results out; knows nothing of files, China or Bitcoin."""

from chainpolicy.eventstudy.estimator import EstimationWindow, EventStudy
from chainpolicy.eventstudy.inference import TEST_NAMES, TESTS
from chainpolicy.eventstudy.normal import (
    MODELS,
    ConstantMean,
    MarketAdjusted,
    MarketModel,
    NormalReturnModel,
    SingleIndexModel,
)
from chainpolicy.eventstudy.results import (
    EventStudyResults,
    TestResult,
    TestResults,
    window_label,
)

__all__ = [
    "MODELS",
    "TESTS",
    "TEST_NAMES",
    "ConstantMean",
    "EstimationWindow",
    "EventStudy",
    "EventStudyResults",
    "MarketAdjusted",
    "MarketModel",
    "NormalReturnModel",
    "SingleIndexModel",
    "TestResult",
    "TestResults",
    "window_label",
]
