"""What the world of `make_telecom` is made of: the published table, and hazards and customers that reproduce it."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = [
    "BANDS",
    "EDGES",
    "MONTHS",
    "PLANS",
    "PUBLISHED",
    "STOCK_SHARE",
    "customers_by_month",
    "hazards_by_month",
]

EDGES = (0, 3, 6, 12, 24, 36, 60)
"""Months on the network after which a band begins; the last band has no end."""
BANDS = ("1-3", "4-6", "7-12", "13-24", "25-36", "37-60", ">60")
MONTHS = 120
"""Nobody in this world is on the network for longer."""

PLANS = (
    "study plan 2010-07",
    "city card 09",
    "home card upgrade",
    "home card one-way",
    "study plan 2009",
    "chat plan 2009",
    "fixed-wireless 08B",
    "new-year card 2011",
    "other",
)
_NO = float("nan")
PUBLISHED: dict[str, tuple[float, ...]] = {
    # losses August to October by customers on the network in October, percent, by band; of all; lost; base
    "network": (1.89, 26.33, 20.51, 10.42, 6.14, 4.80, 3.32, 9.57, 146_979, 1_535_376),
    "study plan 2010-07": (2.63, 43.74, 28.32, 8.96, 5.45, 2.46, 0.89, 17.65, 41_363, 234_416),
    "city card 09": (1.89, 23.62, 19.99, 10.09, 4.19, 2.35, 1.01, 8.63, 24_288, 281_343),
    "home card upgrade": (1.39, 18.35, 17.88, 8.39, 6.37, 3.36, 1.08, 10.80, 22_767, 210_819),
    "home card one-way": (0.31, 18.87, 22.40, 13.29, 6.67, 3.38, 1.49, 5.98, 15_237, 255_009),
    "study plan 2009": (_NO, _NO, _NO, 15.91, 5.61, 3.70, 0.99, 8.49, 7_568, 89_154),
    "chat plan 2009": (4.73, 41.85, 34.48, 22.14, 12.44, 7.14, 1.94, 18.89, 5_152, 27_277),
    "fixed-wireless 08B": (0.00, 0.58, 0.28, 1.62, 6.36, 7.79, 9.55, 5.55, 5_104, 91_984),
    "new-year card 2011": (25.00, 5022.22, 21.10, _NO, _NO, _NO, _NO, 23.93, 3_812, 15_932),
}

# The source gives the base of a plan, not of a cell. These are bases of cells, by plan and band, that agree with all
# that it does give: sums over bands are the bases of the plans, the ratios times these the losses of the plans, and
# sums over plans of 134,000, 222,000 and 296,000 in months 4-6, 7-12 and 13-24 with the network's ratios. Among
# all that do they are the nearest to what the age of each plan suggests.
_BASES = (
    (68_350, 43_344, 57_850, 35_514, 13_835, 9_533, 5_991),
    (70_748, 23_765, 40_410, 69_429, 36_856, 22_723, 17_412),
    (20_637, 30_015, 58_862, 45_180, 31_127, 17_741, 7_257),
    (38_313, 9_428, 11_545, 35_721, 48_721, 58_091, 53_190),
    (0, 0, 0, 34_582, 19_253, 23_479, 11_841),
    (2_840, 2_532, 4_511, 7_108, 4_066, 3_892, 2_328),
    (2_143, 1_162, 4_657, 24_260, 20_434, 20_692, 18_635),
    (4, 9, 15_919, 0, 0, 0, 0),
    (50_766, 23_745, 28_246, 44_205, 46_460, 73_403, 62_617),
)
# The monthly hazard of genuine customers, by plan and band, before the shape inside the band: solved
# from the published ratios.
_LEVELS = (
    (0.00956, 0.08286, 0.09075, 0.02672, 0.01848, 0.00823, 0.00306),
    (0.00885, 0.05248, 0.06036, 0.02958, 0.01437, 0.00783, 0.00347),
    (0.00351, 0.04218, 0.05992, 0.02458, 0.02159, 0.01125, 0.00370),
    (0.00163, 0.05512, 0.06142, 0.03614, 0.02193, 0.01114, 0.00510),
    (0.0, 0.0, 0.0, 0.04491, 0.01854, 0.01232, 0.00340),
    (0.01465, 0.08727, 0.09743, 0.06012, 0.03987, 0.02319, 0.00661),
    (0.0, 0.00083, 0.00084, 0.00565, 0.02139, 0.02511, 0.03099),
    (0.05067, 0.06284, 0.06989, 0.0, 0.0, 0.0, 0.0),
    (0.00953, 0.01911, 0.03458, 0.02967, 0.02180, 0.02171, 0.01556),
)
STOCK_SHARE = (0.20, 0.08, 0.05, 0.01, 0.0, 0.12, 0.0, 0.0, 0.04)
"""The share of activations, by plan, that are cards in a dealer's drawer."""
_STOCK_HAZARD = (0.30, 0.36, 0.45)
"""Months 4 to 6, when dealers let go of what they could not sell."""

_ONE_WAY, _FIXED, _NEW_YEAR = 3, 6, 7
_DECAY = (0.0, 0.07, 0.05, 0.03, 0.02, 0.015, 0.03)


def _band_of_month() -> IntArray:
    month = np.arange(1, MONTHS + 1)
    found: IntArray = np.searchsorted(EDGES, month, side="left").astype(np.int64) - 1
    return found


def customers_by_month() -> FloatArray:
    """Return customers on the network at the end of October by plan and month of tenure: shape (n_plans, MONTHS)."""
    band = _band_of_month()
    place = np.arange(MONTHS) - np.array(EDGES)[band]
    share = np.tile(np.exp(-np.array(_DECAY)[band] * place), (len(PLANS), 1))
    share[_ONE_WAY, 3:12] = (0.29, 0.33, 0.38, 0.24, 0.20, 0.16, 0.14, 0.13, 0.13)
    # Hardly sold any more since spring, and, for a card of the new year, since April: who passed through
    # months 4 to 6 between August and October is in month 7 or 8 by the end.
    share[_FIXED, 3:12] = (0.22, 0.26, 0.52, 0.39, 0.39, 0.055, 0.055, 0.055, 0.055)
    share[_NEW_YEAR, 6:12] = (0.06, 0.25, 0.39, 0.30, 0.0, 0.0)
    for number in range(len(EDGES)):
        share[:, band == number] /= share[:, band == number].sum(axis=1, keepdims=True)
    return np.asarray(np.array(_BASES, dtype=np.float64)[:, band] * share)


def hazards_by_month() -> FloatArray:
    """Return hazards by plan, kind of card (genuine, stock) and month of tenure: shape (n_plans, 2, MONTHS)."""
    shape = np.ones((len(PLANS), MONTHS))
    shape[:, 0:3] = (0.4, 0.8, 1.8)
    shape[:, 3:6] = (0.98, 1.0, 1.02)
    shape[:, 6:12] = np.linspace(0.97, 1.03, 6)
    shape[:, 12:24] = np.linspace(1.15, 0.85, 12)
    shape[:, 18:20] *= 1.65
    shape[:, 24:36] = np.linspace(1.08, 0.92, 12)
    shape[:, 36:60] = np.linspace(1.1, 0.9, 24)
    shape[_NEW_YEAR] = 1.0
    shape[_FIXED] = 1.0
    shape[_FIXED, 12:24] = np.linspace(0.25, 1.75, 12)
    shape[_FIXED, 24:36] = np.linspace(0.87, 1.13, 12)
    genuine = np.array(_LEVELS)[:, _band_of_month()] * shape
    stock = genuine.copy()
    stock[:, 3:6] = _STOCK_HAZARD  # what was sold by then lives on like any other card
    return np.stack([genuine, stock], axis=1)
