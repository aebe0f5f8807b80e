"""The words for why a customer is gone, and what they say about who ended it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["CAUSES", "UNKNOWN", "churn_mode", "read_cause", "read_causes"]

UNKNOWN = "unknown"

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "voluntary": "active",
        "operator-disconnected": "passive",
        "payment": "passive",
        "moved or died": "passive",
        "not genuine": "none",
        UNKNOWN: UNKNOWN,
    }
)
"""Each cause of leaving and its mode.

*Active* churn is the customer's own decision; *passive* churn happens to the customer: the
firm disconnects, a payment fails, life moves on. What was never a genuine customer (dealer
stock, a test account) is no churn at all: leave such customers out before counting. Silence
alone tells no cause, so it is "unknown".
"""


def churn_mode(cause: str) -> str:
    """Say whether a cause of leaving is active or passive churn.

    Parameters
    ----------
    cause : str
        A word of `CAUSES`, or a word of one's own.

    Returns
    -------
    str
        "active", "passive", "none" (was never a customer), or "unknown", also for words that
        are not in `CAUSES`.

    Examples
    --------
    >>> churn_mode("voluntary"), churn_mode("payment"), churn_mode("unknown")
    ('active', 'passive', 'unknown')
    """
    return CAUSES.get(cause, UNKNOWN)


def read_cause(value: object, *, name: str = "cause") -> str:
    """Return a cause if it is a word.

    Parameters
    ----------
    value : object
        What the caller passed.
    name : str, default="cause"
        The argument's name, for the message.

    Returns
    -------
    str
        The word.

    Raises
    ------
    ParameterTypeError
        If it is no text.
    ParameterError
        If it is empty.

    Examples
    --------
    >>> read_cause("payment")
    'payment'
    """
    expected = f"a word was expected, such as {', '.join(CAUSES)}"
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"{name}={value!r} is a {type(value).__name__}", expected, f'{name}="unknown"')
        )
    if not value.strip():
        raise ParameterError(message(f"{name} is empty", expected, f'{name}="unknown"'))
    return value


def read_causes(value: object, *, name: str = "causes") -> tuple[tuple[str, str], ...]:
    """Return a mapping from values in the data to causes, as pairs that can be hashed.

    Parameters
    ----------
    value : mapping, sequence of pairs or None
        Value in the data -> cause; None is an empty mapping.
    name : str, default="causes"
        The argument's name, for the message.

    Returns
    -------
    tuple of (str, str)
        In the order given.

    Raises
    ------
    ParameterTypeError
        If it is no mapping.

    Examples
    --------
    >>> read_causes({"closed": "voluntary"})
    (('closed', 'voluntary'),)
    """
    if value is None:
        return ()
    if isinstance(value, (tuple, list)) and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in value):
        value = dict(value)
    if not isinstance(value, Mapping):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(value).__name__}",
                "a mapping from values in the data to causes was expected",
                f'{name}={{"closed by customer": "voluntary"}}',
            )
        )
    return tuple((str(raw), read_cause(cause, name=f"{name}[{raw!r}]")) for raw, cause in value.items())
