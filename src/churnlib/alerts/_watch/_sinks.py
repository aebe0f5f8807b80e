"""Where notices go: the contract of a sink, and the sink that calls a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from churnlib.alerts._watch._notice import Notice
from churnlib.exceptions import ChurnlibError, ParameterTypeError, message

__all__ = ["CallableSink", "DeliveryError", "Sink"]


class DeliveryError(ChurnlibError, OSError):
    """A sink could not deliver; what it was given may have arrived in part, and is to be sent again.

    Attributes
    ----------
    status : int or None
        What an HTTP receiver answered; None where none answered.

    Examples
    --------
    >>> DeliveryError("the receiver refused", status=400).status
    400
    """

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


@runtime_checkable
class Sink(Protocol):
    """Whatever takes notices: one method.

    `send` returns when all notices were accepted, and raises when one may not have been. Whoever
    sends then sends all of them again, so that a receiver may get a notice twice and none is
    missing; by its key it knows it again.

    Examples
    --------
    >>> class Shelf:
    ...     def __init__(self):
    ...         self.by_key = {}
    ...
    ...     def send(self, notices):
    ...         self.by_key |= {notice.key: notice for notice in notices}
    >>> isinstance(Shelf(), Sink)
    True
    """

    def send(self, notices: Sequence[Notice]) -> None:
        """Deliver notices, in order, all of them or raise.

        Parameters
        ----------
        notices : sequence of Notice
            What is to be told.
        """


class CallableSink:
    """Call a function with each notice.

    Parameters
    ----------
    function : callable
        Takes a `Notice`. What it raises ends `send`; those before it have been told.

    Raises
    ------
    ParameterTypeError
        When it cannot be called.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.alerts import Rule, RuleSet, notices
    >>> step = RuleSet([Rule("a", 1, "x > 1")]).step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
    >>> CallableSink(lambda notice: print(notice.customer, notice.text)).send(notices(step))
    7 x > 1
    """

    def __init__(self, function: Callable[[Notice], object]) -> None:
        if not callable(function):
            raise ParameterTypeError(
                message(
                    f"the function is a {type(function).__name__}",
                    "something to call with a Notice was expected",
                    "CallableSink(print)",
                )
            )
        self._function = function

    def __repr__(self) -> str:
        return f"CallableSink({getattr(self._function, '__name__', type(self._function).__name__)})"

    def send(self, notices: Sequence[Notice]) -> None:
        """Call the function with each notice, in order.

        Parameters
        ----------
        notices : sequence of Notice
            What is to be told.

        Examples
        --------
        >>> CallableSink(print).send([])
        """
        for notice in notices:
            self._function(notice)
