"""The typed face of scikit-learn's base class of splitters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:

    class Splitter:
        """scikit-learn's root of all splitters, which routes metadata to `split`."""

        def set_split_request(self, **requests: bool | str | None) -> Self: ...
        def get_metadata_routing(self) -> Any: ...

else:
    from sklearn.model_selection import BaseCrossValidator as Splitter

__all__ = ["Splitter"]
