"""The page's sentences: each says a number, of how many, as of when, and what it cannot say."""

from __future__ import annotations

import re
from typing import Any

from churnlib.reporting._numbers import between, count, day, decimal, instant, money, percent

__all__ = ["span", "words_of"]

Record = dict[str, Any]

REASONS = (
    "The values are those the model saw. A reason says what sets this customer apart from those who stayed, in the "
    "model's eyes; it is not a cause, and changing it need not keep the customer."
)
ORDINALS = {2: "nd", 3: "rd"}
UNITS = {"d": "day", "h": "hour", "w": "week", "mo": "month", "y": "year", "min": "minute"}


def words_of(record: Record) -> Record:
    """Write every sentence of the page from its record."""
    return {
        "headline": _headline(record),
        "setting": _setting(record),
        "contacts": _contacts(record),
        "reasons": REASONS,
        "profit": _profit(record),
        "offer": _offer(record),
        "verdict": _verdict(record),
        "tested": _tested(record),
        "reliability": _reliability(record),
        "lift": _lift(record),
        "tenths": _tenths(record),
        "splits": _splits(record),
        "cutoffs": _cutoffs(record),
        "data": _data(record),
        "limits": _limits(record),
        "footer": _footer(record),
    }


def plural(number_of: int, what: str) -> str:
    """Count things in words."""
    return f"{count(number_of)} {what}{'' if number_of == 1 else 's'}"


def customers(number_of: int) -> str:
    """Count customers in words."""
    return plural(number_of, "customer")


def span(text: str) -> str:
    """Spell out the lengths of time in a text: "60d" is "60 days"."""
    return re.sub(r"\b(\d+)(d|h|w|mo|y|min)\b", lambda found: plural(int(found[1]), UNITS[found[2]]), text)


def _headline(record: Record) -> str:
    today, setting, currency = record["today"], record["setting"], record["currency"]
    interval = between(today["expected_low"], today["expected_high"], count)
    text = (
        f"Of {customers(today['at_risk'])} with us on {day(record['as_of'])}, about {count(today['expected'])} "
        f"({interval}) are expected to leave between {day(setting['window_from'])} and {day(setting['window_until'])}"
    )
    if record["offer"] is None:
        return f"{text}."
    text += f"; value at risk {money(today['value_at_risk'], currency)}."
    if not today["contacts"]:
        return f"{text} At this offer nobody is worth a contact."
    return f"{text} Contacting {count(today['contacts'])} of them is expected to earn {money(today['gain'], currency)}."


def _setting(record: Record) -> str:
    setting = record["setting"]
    begin = "now" if setting["lead"] == "0d" else f"{span(setting['lead'])} from now (the time needed to act)"
    lost = setting["churn"] if setting["silence"] is None else f"silent for {span(setting['silence'])}"
    return (
        f"As of {instant(record['as_of'])} ({record['timezone']}). Lost means: {lost}. The risk is that of being lost "
        f"within the {span(setting['horizon'])} that begin {begin}, given that the customer is still with us then."
    )


def _contacts(record: Record) -> str:
    shown, today = len(record["contacts"]), record["today"]
    order = "expected gain" if record["offer"] else "risk"
    text = f"The first {count(shown)} of {customers(today['at_risk'])}, by {order}, as of {day(record['as_of'])}."
    if record["offer"] is None or today["contacts"] >= shown:
        return text
    if not today["contacts"]:
        return f"{text} At this offer none of them is worth a contact."
    return f"{text} Only the first {count(today['contacts'])} are worth a contact at this offer."


def _profit(record: Record) -> str:
    if record["offer"] is None:
        return ""
    today = record["today"]
    if not today["contacts"]:
        return "Every contact is expected to cost more than it earns."
    return (
        f"The dot marks the list of {customers(today['contacts'])}, expected to earn "
        f"{money(today['gain'], record['currency'])}; every further contact costs more than it is expected to earn."
    )


def _offer(record: Record) -> list[tuple[str, str]]:
    offer, currency = record["offer"], record["currency"]
    if offer is None:
        return []
    note = f" ({record['value_note']})" if record["value_note"] else ""
    return [
        ("Leavers who accept", _accept(offer["accept_rate"])),
        ("Worth of a kept customer", f"{_worth(offer['clv'], currency)}{note}"),
        ("Cost of the offer", _offer_cost(offer, currency)),
        ("Cost of a contact", money(offer["contact_cost"], currency)),
        ("Stayers", "assumed to take the offer, at its full cost"),
    ]


def _accept(rate: Any) -> str:
    if isinstance(rate, list):
        return f"{percent(rate[0] / sum(rate))} (Beta {rate[0]:g}, {rate[1]:g})"
    return percent(rate)


def _offer_cost(offer: dict[str, Any], currency: str | None) -> str:
    if "offer_cost" in offer:
        return money(offer["offer_cost"], currency)
    return f"{percent(offer['offer_fraction'])} of the customer's worth"


def _worth(clv: Any, currency: str | None) -> str:
    if isinstance(clv, dict):
        return f"{money(clv['mean'], currency)} on average"
    return f"column {clv}" if isinstance(clv, str) else f"{money(clv, currency)}, the same for all"


def _verdict(record: Record) -> str:
    test = record["test"]
    rule, lists = test["rule"], test["comparison"]
    if lists is None:
        return "There is no simple rule to compare with: the features do not say how long a customer has been silent."
    found = (
        f"of the {count(test['rows'])} tested rows, a list of {count(lists['size'])} by the model holds "
        f"{count(lists['model'])} of the {count(test['churned'])} leavers, one by the rule “{rule}” "
        f"{count(lists['rule'])} (difference {decimal(lists['difference'], 0)}, 95 % interval "
        f"{between(lists['low'], lists['high'], count)})."
    )
    if test["verdict"] == "wins":
        return f"The model wins: {found}"
    if test["verdict"] == "loses":
        return f"The simple rule wins: {found} Use the rule."
    return f"No clear winner: {found} The simple rule may do."


def _tested(record: Record) -> str:
    test = record["test"]
    later = (
        "all later than the last training label"
        if test["split"]
        else "and this page cannot tell whether the model was trained on them"
    )
    few = " That is too few to trust the intervals below." if test["few"] else ""
    text = (
        f"Tested on {count(test['rows'])} rows of {customers(test['customers'])} at "
        f"{plural(test['cutoffs'], 'cutoff')}, {later}; {count(test['churned'])} left "
        f"({percent(test['base_rate'], 1)}).{few} “Base rate alone” gives everybody the churn rate of the training "
        f"rows, {percent(test['training_rate'], 1)}."
    )
    if test["rule"] is None:
        return text
    return (
        f"{text} The rule lists as many rows, longest silence first; it states no probability, so it has no log-loss "
        f"and no calibration. By chance alone a perfectly calibrated model would show an ECE of about "
        f"{decimal(test['chance_ece'], 3)} on as many customers."
    )


def _reliability(record: Record) -> str:
    test = record["test"]
    return (
        f"Predicted {count(test['expected'])} leavers, observed {count(test['churned'])}. On the diagonal, what is "
        f"called 20 % happens to 20 of 100."
    )


def _lift(record: Record) -> str:
    test, first = record["test"], record["lift"][0]
    return (
        f"The riskiest {_part(record)} of the tested rows held {percent(first['found'])} of all who left, "
        f"{decimal(first['lift'], 1)} times the average rate of {percent(test['base_rate'], 1)}."
    )


def _part(record: Record) -> str:
    bins = len(record["lift"])
    return "tenth" if bins == 10 else f"of {bins} parts"


def _tenths(record: Record) -> list[str]:
    return [f"Riskiest {_part(record)}", *(_ordinal(place) for place in range(2, len(record["lift"]) + 1))]


def _ordinal(place: int) -> str:
    return f"{place}{ORDINALS.get(place, 'th')}"


def _splits(record: Record) -> str:
    train, test, purged = (record["splits"][part] for part in ("train", "test", "purged"))
    if not record["test"]["split"]:
        return (
            f"Tested on {count(test['rows'])} rows at {plural(test['cutoffs'], 'cutoff')}. The data were not divided "
            f"by Dataset.split, so this page cannot tell what the model was trained on."
        )
    text = (
        f"Trained on {count(train['rows'])} rows at {plural(train['cutoffs'], 'cutoff')}, tested on "
        f"{count(test['rows'])} rows at {plural(test['cutoffs'], 'later cutoff')}."
    )
    if not purged["cutoffs"]:
        return f"{text} No cutoff between them had to be purged."
    return (
        f"{text} Between them {plural(purged['cutoffs'], 'cutoff')} with {count(purged['rows'])} rows were purged, "
        f"because their labels were not yet known when the test began."
    )


def _cutoffs(record: Record) -> str:
    setting = record["setting"]
    aside = ""
    if any(row["set_aside"] for row in record["cutoffs"]):
        aside = " Set aside: had already left, as only later events show, or was contacted in a past campaign."
    return (
        f"Known: seen before the cutoff. Gone: of these, already lost. At risk: the rest. Left in the lead: lost "
        f"within {span(setting['lead'])} of the cutoff, too soon to act, so left out. Churned and retained: what "
        f"happened in the {span(setting['horizon'])} after that. Immature: the window is not over, so nobody knows."
        f"{aside}"
    )


def _data(record: Record) -> str:
    data = record["data"]
    rows, refused = count(data["input_rows"]), data["refused_rows"]
    text = f"{rows} rows of input = {count(data['kept'])} kept + {count(refused)} refused"
    if data["amounts"]:
        text += f"; in money {data['input_amount']} = {data['kept_amount']} + {data['refused_amount']}"
    return f"{text}. The history runs {count(data['days'])} days, {day(data['first'])} to {day(data['last'])}."


def _limits(record: Record) -> list[str]:
    setting, refused = record["setting"], record["data"]["refused_rows"]
    order = "risk × value" if record["offer"] else "risk"
    experiment = (
        f"Whether a contact keeps anybody. No past experiment is known here, so the list ranks by {order}, not by "
        f"effect. Leave some of the listed out by lot: that holdout is the experiment."
    )
    lines = [experiment]
    if record["offer"]:
        lines.append(
            "What a contact really earns. Accept rate, worth and costs are assumptions of the offer, and the expected "
            "gain is no better than they are."
        )
    lines.append("Why customers leave. Reasons are what the model looked at; they precede, and need not cause.")
    if setting["lead"] != "0d":
        lines.append(
            f"Who is lost within the first {span(setting['lead'])}: that is too soon to act, and not in the risk."
        )
    lines.append(
        "What has never happened before. The intervals allow for other customers of the same kind in the same "
        "market, not for a new rival, price or season."
    )
    if refused:
        lines.append(f"Anything about the {plural(refused, 'row')} of input that had to be refused.")
    return lines


def _footer(record: Record) -> str:
    setting = record["setting"]
    return (
        f"churnlib {record['churnlib']} · {setting['n_features']} features ({setting['features_digest']}) · "
        f"log {setting['log_digest']} · this page loads nothing and sends nothing; its numbers are inside as JSON."
    )
