"""The arms of an experiment and the share of customers that each is meant to get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from churnlib._checks import check_number
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some

Shares: TypeAlias = "Mapping[Any, float] | Sequence[Any]"


def read_shares(arms: Shares, *, name: str = "arms") -> dict[Any, float]:
    """Return arm to share: as given by a mapping, equal for a list of names."""
    if isinstance(arms, (str, bytes)) or not isinstance(arms, (Mapping, Sequence)):
        raise ParameterTypeError(
            message(
                f"{name} is {arms!r}",
                "the names of the arms, or a mapping of name to share, was expected",
                f"{name}={{'control': 0.5, 'offer': 0.5}}",
            )
        )
    listed = list(arms)
    if len(listed) < 2 or len(set(listed)) < len(listed):
        raise ParameterError(
            message(
                f"{name} names {some(map(repr, listed)) or 'nothing'}",
                "an experiment has at least two arms, of different names",
                f"{name}={{'control': 0.5, 'offer': 0.5}}",
            )
        )
    if not isinstance(arms, Mapping):
        return dict.fromkeys(listed, 1 / len(listed))
    shares = {arm: check_number(share, name=f"{name}[{arm!r}]", low=0, high=1) for arm, share in arms.items()}
    return _summing_to_one(shares, name)


def _summing_to_one(shares: dict[Any, float], name: str) -> dict[Any, float]:
    total = sum(shares.values())
    empty = [arm for arm, share in shares.items() if share == 0]
    if empty or abs(total - 1) > 1e-9:
        found = f"an arm of share 0 ({some(map(repr, empty))})" if empty else f"shares that sum to {total:.10g}"
        fixed = {arm: round(share / total, 6) for arm, share in shares.items() if share} if total else {}
        raise ParameterError(
            message(f"{name} has {found}", "shares are above 0 and sum to 1", f"{name}={fixed}" if fixed else "")
        )
    return shares
