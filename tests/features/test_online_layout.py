import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import MoneyError, ParameterError, TimeError
from churnlib.features._online_layout import LARGE, KindCodes, Layout

names = st.lists(st.sampled_from(["a", "b", "ab", "c", "é", "顧", "z"]), max_size=4)


@given(names, st.lists(st.text(max_size=2), max_size=6))
def test_codes_keep_the_order_of_names(named, others):
    kinds = KindCodes(named)
    ordered = sorted({*named, *others})
    codes = [kinds.code(name) for name in ordered]
    assert codes == sorted(codes)
    assert all((kinds.code(name) % 2 == 1) == (name in named) for name in ordered)


@given(st.lists(st.tuples(st.integers(-(2**50), 2**50), st.integers(0, 4), st.integers()), max_size=40), st.booleans())
def test_events_come_out_in_order(events, large):
    layout, state = Layout(KindCodes(["a", "b"]), has_amount=True, has_item=True), b""
    if large:
        state = b"".join(layout.record(layout.word(-(2**51), 0)) for _ in range(LARGE // 24 + 1))
    size = len(state) // layout.size
    for place, (time, code, _) in enumerate(events):
        state = layout.added(state, layout.record(layout.word(time, code), place, place))
    found = list(layout.events(state))[size:]
    assert [word for word, _, _ in found] == sorted(time << layout.bits | code for time, code, _ in events)
    assert sorted(amount for _, amount, _ in found) == list(range(len(events)))
    assert all(word == layout.word(*events[amount][:2]) for word, amount, _ in found)


def test_what_does_not_fit_into_a_word():
    layout = Layout(KindCodes([str(number) for number in range(255)]), has_amount=True, has_item=False)
    with pytest.raises(TimeError, match="fit beside 255 kinds"):
        layout.record(layout.word(2**56, 0))
    with pytest.raises(MoneyError, match="which leaves 64 bits"):
        layout.record(0, 2**63)
    with pytest.raises(ParameterError, match="the features name 256 kinds"):
        KindCodes([str(number) for number in range(256)])
