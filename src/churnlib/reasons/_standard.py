"""The catalogue that churnlib ships: themes, reasons, and the names of columns that speak of them."""

from __future__ import annotations

from churnlib.reasons._reason import Reason

__all__ = ["OTHER", "STANDARD_PATTERNS", "STANDARD_REASONS", "THEMES"]

THEMES: dict[str, dict[str, str]] = {
    "price": {"en": "Price", "zh": "价格"},
    "service_quality": {"en": "Service and product quality", "zh": "服务与产品质量"},
    "competition": {"en": "Competition", "zh": "竞争"},
    "involuntary": {"en": "Payment and disconnection", "zh": "支付与停机（非自愿）"},
    "engagement": {"en": "Engagement", "zh": "活跃度"},
    "lifecycle": {"en": "Stage of the relationship", "zh": "客户生命周期"},
    "profile": {"en": "Customer profile", "zh": "客户特征"},
    "environment": {"en": "Economy, law and season", "zh": "外部环境"},
    "other": {"en": "Other", "zh": "其他"},
}
"""Themes in their fixed order, which decides between equal contributions."""

# code, controllable, origin, nature, English, Chinese; the theme follows from the letters of the code
_ROWS = (
    ("PRC01", "controllable", "internal", "subjective", "Price too high", "价格太高"),
    ("PRC02", "controllable", "internal", "objective", "Price raised, or discount ended", "涨价或优惠到期"),
    ("PRC03", "controllable", "internal", "objective", "Unexpected fees or a wrong bill", "乱收费或账单有误"),
    ("PRC04", "controllable", "internal", "objective", "Plan does not fit the need", "套餐不合适"),
    ("SRV01", "controllable", "internal", "subjective", "Attitude or skill of staff", "服务态度差或不专业"),
    ("SRV02", "controllable", "internal", "objective", "Complaint unsolved, or slow answer", "投诉未解决或响应慢"),
    ("SRV03", "controllable", "internal", "objective", "Outage, or poor network", "故障多或网络质量差"),
    ("SRV04", "controllable", "internal", "objective", "Poor or defective product", "产品质量差或有缺陷"),
    ("SRV05", "controllable", "internal", "objective", "Late or wrong delivery", "送货慢或发错货"),
    ("SRV06", "controllable", "internal", "subjective", "Misleading or too many messages", "宣传不实或营销打扰"),
    (
        "SRV07",
        "controllable",
        "internal",
        "objective",
        "Change of account manager or product",
        "客户经理或产品变更",
    ),
    ("CMP01", "mixed", "external", "objective", "Better offer of a competitor", "竞争对手优惠更大"),
    ("CMP02", "mixed", "external", "subjective", "Better product of a competitor", "竞争对手的产品更好"),
    ("CMP03", "mixed", "external", "objective", "Moves to a competitor", "转投竞争对手（携号转网等）"),
    ("INV01", "controllable", "internal", "objective", "Payment failed", "扣款失败"),
    ("INV02", "mixed", "external", "objective", "Card expired, or account frozen", "银行卡过期或账户被冻结"),
    ("INV03", "mixed", "internal", "objective", "Disconnected for arrears or a breach", "因欠费或违规被停机"),
    ("ENG01", "mixed", "internal", "objective", "Uses or buys less often", "使用或购买次数减少"),
    ("ENG02", "mixed", "internal", "objective", "Silent for a long time", "长时间未活跃"),
    ("ENG03", "mixed", "internal", "objective", "Never used a key feature", "从未使用关键功能"),
    ("ENG04", "mixed", "internal", "objective", "Spends less", "消费金额减少"),
    ("LIF01", "mixed", "internal", "objective", "Contract is about to end", "合同即将到期"),
    ("LIF02", "uncontrollable", "internal", "objective", "Time as a customer", "成为客户的时长"),
    ("LIF03", "uncontrollable", "external", "objective", "The need has ended", "不再需要"),
    ("PRF01", "uncontrollable", "external", "objective", "Demographic profile", "人口统计特征"),
    ("PRF02", "uncontrollable", "external", "objective", "Moved away", "搬家"),
    ("PRF03", "uncontrollable", "external", "objective", "Died", "客户去世"),
    ("ENV01", "uncontrollable", "external", "objective", "Economy", "经济形势"),
    ("ENV02", "uncontrollable", "external", "objective", "Regulation", "政策法规"),
    ("ENV03", "uncontrollable", "external", "objective", "Season", "季节因素"),
    ("ENV04", "uncontrollable", "external", "objective", "Act of nature", "自然灾害"),
    ("OTH00", "uncontrollable", "external", "subjective", "Other, or not in the catalogue", "其他（未归类）"),
)

_THEME_OF = dict(zip(("PRC", "SRV", "CMP", "INV", "ENG", "LIF", "PRF", "ENV", "OTH"), THEMES, strict=True))

STANDARD_REASONS: tuple[Reason, ...] = tuple(
    Reason(
        code=code,
        theme=_THEME_OF[code[:3]],
        controllable=controllable,
        origin=origin,
        nature=nature,
        text={"en": en, "zh": zh},
    )
    for code, controllable, origin, nature, en, zh in _ROWS
)

OTHER = STANDARD_REASONS[-1]
"""Where a column goes that nothing maps."""

_BY_CODE = {
    "INV01": "*payment_fail* *failed_payment* *declined* *dunning*",
    "INV02": "*card_expir* *expired_card*",
    "INV03": "*arrears* *overdue* *suspended*",
    "SRV02": "*complain* *ticket* *support_call* *service_call* *customer_service* *response_time*",
    "SRV03": "*outage* *dropped_call* *latency* *downtime*",
    "SRV04": "*refund* *defect*",
    "SRV05": "*deliver*",
    "CMP03": "*port_out* *port-out* *competitor*",
    "PRC02": "*price_change* *price_rise* *discount_end*",
    "PRC04": "plan plan.* *tariff*",
    "PRC01": "*price* *charge charge* *charges* *_fee fee_* *_fees fee fees",
    "LIF01": "*contract*",
    "LIF02": "*tenure* *months_on_book* *account_length*",
    "ENG02": "*recency* *silence* *silent* *inactive* *inactivity* *days_since* *.gap_* *.day_gap_*",
    "ENG04": "*.sum* *.day_sum* *.mean* *.day_mean* *spend* *monetary*",
    "ENG01": "*.count* *.days* *.occasions* *.slope* *.day_slope* *.change* *.day_change* *.distinct* *frequency* "
    "*login* *visit* *usage* *n_orders*",
    "PRF01": "age *_age gender sex *senior* *partner* *dependents* *income* *education* *marital* region state city",
    "ENV03": "*season* *holiday*",
}

STANDARD_PATTERNS: tuple[tuple[str, str], ...] = tuple(
    (pattern, code) for code, patterns in _BY_CODE.items() for pattern in patterns.split()
)
"""Shell patterns for lower-case names, in the order in which they are tried."""
