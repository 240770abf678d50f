"""Values at the bounds of the data contract's rules, within and beyond them, for hypothesis."""

from hypothesis import strategies as st

from pipeline.data.schema import NUMBERS, RULES

NEAR = {
    name: st.integers(-(2**40), 2**40)
    | st.sampled_from([rule.ge or 0, rule.le or 0, *rule.isin]).flatmap(lambda bound: st.integers(bound - 1, bound + 1))
    for name, rule in RULES.items()
    if name in NUMBERS
} | {
    name: st.text(max_size=4) | st.sampled_from([*rule.isin, "US", "USD", "Data Engineer"])
    for name, rule in RULES.items()
    if name not in NUMBERS
}
