"""Characters of made-up texts."""

from hypothesis import strategies as st

# All but surrogates, as by default, which hypothesis finds out by encoding a million one by one.
ANY = st.characters(exclude_categories=["Cs"])
