"""The page's sentences: each says a number, of how many, as of when, and what it cannot say."""

from __future__ import annotations

from typing import Any

from churnlib.reporting._numbers import between, count, day, decimal, instant, money, number, percent

__all__ = ["words_of"]

Words = dict[str, Any]


def words_of(record: Words) -> Words:
    """Write every sentence of the page from its record."""
    return {
        "headline": _headline(record),
        "setting": _setting(record),
        "contacts": _contacts(record),
        "reasons": _reasons(record),
        "profit": _profit(record),
        "offer": _offer(record),
        "verdict": _verdict(record),
        "tested": _tested(record),
        "reliability": _reliability(record),
        "lift": _lift(record),
        "splits": _splits(record),
        "cutoffs": _cutoffs(record),
        "data": _data(record),
        "stale": record["data"]["stale"],
        "footer": _footer(record),
    }


def customers(number_of: int) -> str:
    """Count customers in words."""
    return f"{count(number_of)} customer{'' if number_of == 1 else 's'}"


def _headline(record: Words) -> str:
    today, setting = record["today"], record["setting"]
    text = (
        f"Of {customers(today['at_risk'])} with us on {day(record['as_of'])}, about {count(today['expected'])} "
        f"({between(today['expected_low'], today['expected_high'], count)}) are expected to leave by "
        f"{day(setting['window_until'])}"
    )
    if record["offer"] is None:
        return text + "."
    currency = record["currency"]
    worth = f"; value at risk {money(today['value_at_risk'], currency)}. "
    if today["contacts"] == 0:
        return text + worth + "At this offer nobody is worth a contact."
    return (
        text
        + worth
        + f"Contacting {count(today['contacts'])} of them is expected to earn {money(today['gain'], currency)}."
    )


def _setting(record: Words) -> str:
    setting = record["setting"]
    lead = "" if setting["lead"] == "0d" else f", after {setting['lead']} needed to act"
    return (
        f"As of {instant(record['as_of'])} ({record['timezone']}). Lost means {setting['churn_words']}; "
        f"the risk is that of being lost within {setting['horizon']}{lead}, {instant(setting['window_from'])} to "
        f"{instant(setting['window_until'])}."
    )


def _contacts(record: Words) -> str:
    shown = len(record["contacts"])
    order = "expected gain" if record["offer"] else "risk"
    text = f"The first {count(shown)} of {customers(record['today']['at_risk'])}, by {order}, as of {day(record['as_of'])}."
    chosen = record["today"]["contacts"]
    if record["offer"] and chosen < shown:
        text += (
            f" Only the first {count(chosen)} are worth a contact at this offer."
            if chosen
            else " None of them is worth a contact at this offer."
        )
    return text


def _reasons(record: Words) -> str:
    return (
        "The values are those the model saw. A reason says what sets this customer apart from those who stayed, in the "
        "model's eyes; it is not a cause, and changing it need not keep the customer."
    )


def _profit(record: Words) -> str:
    today, currency = record["today"], record["currency"]
    if record["offer"] is None:
        return ""
    if today["contacts"] == 0:
        return "Every contact is expected to cost more than it earns."
    return (
        f"The dot marks the list of {customers(today['contacts'])} beyond which every further contact costs more than it "
        f"is expected to earn ({money(today['gain'], currency)} in all)."
    )


def _offer(record: Words) -> list[tuple[str, str]]:
    offer, currency = record["offer"], record["currency"]
    if offer is None:
        return []
    rate = offer["accept_rate"]
    accept = percent(rate[0] / sum(rate)) + f" (Beta {rate[0]:g}, {rate[1]:g})" if isinstance(rate, list) else percent(rate)
    clv = offer["clv"]
    value = f"{money(clv['mean'], currency)} on average" if isinstance(clv, dict) else clv
    if isinstance(value, int | float):
        value = f"{money(value, currency)}, the same for all"
    rows = [
        ("Leavers who accept", accept),
        ("Worth of a kept customer", f"{value}{record['value_note']}"),
        ("Cost of the offer", money(offer["offer_cost"], currency)),
        ("Cost of a contact", money(offer["contact_cost"], currency)),
    ]
    return rows + [("Stayers", "assumed to take the offer, at its full cost")]


def _verdict(record: Words) -> str:
    test = record["test"]
    rule, lead = test["rule"], test["comparison"]
    size = f"a list of {count(lead['size'])} of the {count(test['rows'])} tested rows"
    found = f"the model finds {count(lead['model'])} of {count(test['churned'])} leavers, {rule} {count(lead['rule'])}"
    margin = f"{decimal(lead['difference'], 0)}, 95 % interval {between(lead['low'], lead['high'], count)}"
    if lead["low"] > 0:
        return f"The model wins: on {size}, {found} (difference {margin})."
    if lead["high"] < 0:
        return f"The simple rule wins: on {size}, {found} (difference {margin}). Use the rule."
    return f"No clear winner: on {size}, {found} (difference {margin}). The simple rule may do."


def _tested(record: Words) -> str:
    test = record["test"]
    return (
        f"Tested on {count(test['rows'])} rows of {customers(test['customers'])} at {count(test['cutoffs'])} cutoffs after "
        f"the training labels were over; {count(test['churned'])} left ({percent(test['base_rate'], 1)}). "
        f"“Base rate alone” gives everybody the training churn rate; “{test['rule']}” ranks by silence and states "
        f"the churn rate on either side."
    )


def _reliability(record: Words) -> str:
    test = record["test"]
    return (
        f"Predicted {count(test['expected'])} leavers, observed {count(test['churned'])}. Dots on the diagonal: what is "
        f"called 20 % happens in 20 of 100."
    )


def _lift(record: Words) -> str:
    test, first = record["test"], record["lift"][0]
    return (
        f"The riskiest tenth of the tested rows held {percent(first['found'])} of all who left, "
        f"{decimal(first['lift'], 1)} times the average rate of {percent(test['base_rate'], 1)}."
    )


def _splits(record: Words) -> str:
    parts = record["splits"]
    return (
        f"Trained on {count(parts['train']['rows'])} rows at {count(parts['train']['cutoffs'])} cutoffs, tested on "
        f"{count(parts['test']['rows'])} rows at {count(parts['test']['cutoffs'])} later ones. "
        f"{count(parts['purged']['cutoffs'])} cutoffs between them ({count(parts['purged']['rows'])} rows) are purged, "
        f"because their labels were not yet known when the test began."
    )


def _cutoffs(record: Words) -> str:
    setting = record["setting"]
    return (
        f"Known: seen before the cutoff. Gone: of these, already lost. At risk: the rest. Left in the lead: lost within "
        f"{setting['lead']} of the cutoff, too soon to act, so left out. Churned and retained: what happened in the "
        f"{setting['horizon']} after that. Immature: the window is not over yet, so nobody knows."
    )


def _data(record: Words) -> str:
    data = record["data"]
    kept = (
        f"All {count(data['input_rows'])} rows of the input were kept"
        if not data["refused_rows"]
        else f"{count(data['input_rows'])} rows of input = {count(data['kept'])} kept + {count(data['refused_rows'])} refused"
    )
    money_text = ""
    if data["amounts"]:
        money_text = f"; in money {data['input_amount']} = {data['kept_amount']} + {data['refused_amount']}"
    return f"{kept}{money_text}. The history runs {number(data['days'])} days, {day(data['first'])} to {day(data['last'])}."


def _footer(record: Words) -> str:
    setting = record["setting"]
    return (
        f"churnlib {record['churnlib']} · {setting['n_features']} features ({setting['features_digest']}) · "
        f"log {setting['log_digest']} · the page loads nothing and sends nothing; the numbers are inside as JSON."
    )
