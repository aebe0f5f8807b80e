"""The words of the lexicon that churnlib ships: how people in Chinese and English say why they leave.

A term counts where it stands and is not negated. After ``!`` it counts only where it *is* negated
("not cheap", 不便宜). After ``~`` it weighs little: two of them are needed. ``*`` stands for the rest of a word.
"""

from __future__ import annotations

__all__ = ["NEGATORS", "PSEUDO_NEGATORS", "SCOPE_ENDS", "TERMS"]

TERMS: dict[str, dict[str, str]] = {
    "PRC01": {
        "zh": (
            "贵 太贵 好贵 价格高 价格太高 价格偏高 价位高 收费高 资费高 不划算 不值 性价比低 性价比不高 "
            "!便宜 !划算 !值得 !实惠 !优惠 花冤枉钱 吃不消"
        ),
        "en": (
            "expensive, overpriced, pricey, too much money, costs too much, price too high, high price*, "
            "unaffordable, cannot afford, can't afford, rip off, ripoff, !cheap, !worth, !affordable, "
            "!good value"
        ),
    },
    "PRC02": {
        "zh": "涨价 提价 涨了 优惠到期 优惠结束 优惠取消 没有优惠了 刚买就降价 价格变",
        "en": (
            "price increase*, price went up, prices went up, price hike*, raised the price, "
            "raised my rate, raised my price, rate increase*, discount ended, discount expired, "
            "promotion ended, promo expired"
        ),
    },
    "PRC03": {
        "zh": (
            "乱收费 多收 多扣 乱扣 扣费 隐形收费 额外收费 重复扣款 重复收费 账单不对 账单有误 莫名扣 "
            "私自开通 收费不合理"
        ),
        "en": (
            "hidden fee*, hidden charge*, unexpected charge*, unexpected fee*, overcharg*, over charged, "
            "wrong bill, billing error*, wrong amount, late fee*, extra charge*, unauthorized charge*, "
            "charged twice, double charged, billed twice, charged me twice, ~fee, ~fees, bill is wrong"
        ),
    },
    "PRC04": {
        "zh": "套餐不合适 套餐不划算 流量不够 流量用不完 通话用不完 套餐太少 套餐太贵",
        "en": ("wrong plan, plan does not fit, plan doesn't fit, not enough data, too little data, more than i need"),
    },
    "SRV01": {
        "zh": (
            "态度差 态度恶劣 态度不好 态度生硬 态度冷淡 态度极差 态度很差 态度太差 态度非常差 服务差 "
            "服务太差 服务很差 服务极差 服务不好 服务不到位 不耐烦 爱理不理 没礼貌 不礼貌 骂人 骂我 不专业 "
            "敷衍 推诿 推卸 踢皮球 傲慢 !礼貌 !热情 !专业 !耐心 !态度好"
        ),
        "en": (
            "rude, unprofessional, unhelpful, impolite, disrespect*, bad attitude, poor attitude, "
            "incompeten*, condescending, harass*, threaten*, yelled, hung up, poor service, bad service, "
            "terrible service, awful service, worst service, poor customer service, bad customer service, "
            "!polite, !helpful, !friendly, !professional, !courteous"
        ),
    },
    "SRV02": {
        "zh": (
            "投诉 没人处理 没人理 没人管 不处理 不解决 没解决 未解决 不回复 没回复 联系不上 打不通 拖延 "
            "一直拖 不理人 没有下文 不了了之 不给退 不退款 !解决 !回复 !处理 !答复 !回应 !售后 不能退 "
            "不让退"
        ),
        "en": (
            "no response, no reply, no answer, unresolved, ignored, on hold, slow response, kept waiting, "
            "complained, complaint, dispute*, failed to respond, failed to resolve, refuse* to, no help, "
            "run around, runaround, !respond*, !answer*, !resolve*, !fixed, !called back, !call back, "
            "!reply, !replied, !investigat*"
        ),
    },
    "SRV03": {
        "zh": (
            "断网 掉线 信号差 信号不好 没信号 网速慢 网络差 网络不好 卡顿 死机 故障 连不上 崩溃 很卡 太卡 "
            "卡死 闪退 黑屏 蓝屏 花屏 无法连接 重启 !稳定 !流畅"
        ),
        "en": (
            "outage*, no signal, poor signal, bad signal, bad reception, dropped call*, slow internet, "
            "slow speed*, internet is slow, crash*, buffering, unreliable, connection drop*, goes down, "
            "keeps dropping, !reliable, !stable, !connect"
        ),
    },
    "SRV04": {
        "zh": (
            "质量差 质量太差 质量不好 质量很差 质量问题 坏了 坏的 次品 假货 是假的 破损 破了 烂 变质 过期 "
            "掉色 褪色 起球 线头 难吃 不好吃 难喝 不好喝 不新鲜 发霉 异味 怪味 臭 虫子 苍蝇 头发丝 退货 "
            "不合格 劣质 山寨 二手 瑕疵 划痕 漏水 漏液 裂 没味 凉了 冷了 冰凉 凉的 不卫生 拉肚子 陈旧 粗糙 "
            "掉漆 缺页 印刷 太咸 太油 太硬 太腻 太薄 太少 太小 量少 噪音 吵 脏 破 !好吃 !新鲜 !正品 !干净 "
            "!好用 !舒服 !好喝 !灵敏"
        ),
        "en": (
            "defective, broken, poor quality, bad quality, low quality, faulty, damaged, doesn't work, "
            "does not work, not working, stopped working, malfunction*, fake, counterfeit, dirty, stale, "
            "tasteless, cold food, ~refund*, !fresh, !clean, !genuine"
        ),
    },
    "SRV05": {
        "zh": (
            "送错 发错 少发 漏发 少送 漏送 没送 送餐慢 送货慢 物流慢 快递慢 配送慢 发货慢 太慢 很慢 好慢 "
            "真慢 慢死 有点慢 超时 迟到 晚到 晚了 等了 小时才 没收到 未收到 没到 延误 才送到 才到 洒了 "
            "撒了 洒出来 催了 暴力物流 包装破 !及时 !准时 !送到 !发货 !收到货"
        ),
        "en": (
            "late delivery, delivered late, wrong item, wrong order, never arrived, not delivered, "
            "not received, delay*, missing item*, took forever, shipped late, lost package, "
            "lost my package, !arrive*, !received, !delivered, !on time"
        ),
    },
    "SRV06": {
        "zh": (
            "虚假宣传 虚假 骗人 骗子 欺骗 被骗 误导 骚扰电话 骚扰 推销 垃圾短信 名不副实 与描述不符 "
            "描述不符 图片不符 不一样 忽悠 上当 受骗 坑人 坑爹 霸王条款 不诚信"
        ),
        "en": (
            "mislead*, misled, false advertising, false advertisement*, spam*, too many emails, "
            "too many calls, deceptive*, deceiv*, lied, lies, scam*, fraud*, telemarket*, robocall*, bait and switch, "
            "false information, false statement*, !honest"
        ),
    },
    "SRV07": {
        "zh": "换了客户经理 客户经理换 客户经理离职 客户经理走 改版 停售 下架 功能取消",
        "en": ("new account manager, account manager left, account manager changed, discontinued, removed the feature"),
    },
    "CMP01": {
        "zh": ("别家便宜 别家更便宜 其他家便宜 别的店便宜 比别家贵 竞争对手 友商 更优惠 优惠更大 优惠力度大"),
        "en": (
            "competitor*, better offer*, better deal*, cheaper elsewhere, cheaper price elsewhere, "
            "cheaper somewhere, lower price elsewhere"
        ),
    },
    "CMP02": {
        "zh": "不如别家 别家更好 别家的好 不如其他 比不上 !比别家",
        "en": ("better elsewhere, better product elsewhere, better service elsewhere, better network, better devices"),
    },
    "CMP03": {
        "zh": "携号转网 转网 换运营商 换个运营商 换一家 换别家 去别家 转投 销户 销号 改用",
        "en": (
            "port my number, porting my number, ported my number, port out, switch to, switched to, "
            "switching to, move to another, moving to another, another provider, another carrier, "
            "other provider, close my account, closing my account"
        ),
    },
    "INV01": {
        "zh": "扣款失败 支付失败 付款失败 扣费失败 余额不足 付不了款 支付不了",
        "en": (
            "payment declined, payment failed, payment was declined, card declined, card was declined, "
            "declined my card, insufficient funds, payment was returned, payment did not go through, "
            "payment didn't go through"
        ),
    },
    "INV02": {
        "zh": "银行卡过期 卡过期 账户被冻结 账号被封 账户冻结 冻结 封号 被锁",
        "en": (
            "card expired, expired card, account frozen, account locked, locked out, account was closed, "
            "closed my account, froze my account, frozen"
        ),
    },
    "INV03": {
        "zh": "停机 欠费 被停 强制关停",
        "en": "past due, in arrears, suspended, disconnected for, shut off, cut off my service",
    },
    "ENG01": {
        "zh": "很少用 用得少 不怎么用 用不上 不常用 基本不用 没怎么用 闲置 !经常用",
        "en": ("rarely use*, hardly use*, seldom use*, barely use*, don't use, do not use, not using, no longer use"),
    },
    "ENG03": {
        "zh": "不会用 从没用过 没用过 不知道怎么用 太复杂 操作复杂 !方便",
        "en": (
            "never used, don't know how to use, too complicated, hard to use, difficult to use, confusing, "
            "!easy to use, !user friendly"
        ),
    },
    "LIF01": {
        "zh": "合同到期 合约到期 套餐到期 到期不续 合约期满",
        "en": "contract ended, contract is up, contract expired, contract is over, end of my contract",
    },
    "LIF03": {
        "zh": "不需要了 用不着了 不再需要 没有需求 没需求",
        "en": "no longer need*, don't need, do not need, no need for",
    },
    "PRF02": {
        "zh": "搬家 搬走 搬到 要出国 离开本地",
        "en": "i moved to, i am moving, we are moving, we moved to, relocat*, moving away, moved away",
    },
    "PRF03": {
        "zh": "去世 过世 病逝",
        "en": "passed away, deceased",
    },
    "ENV01": {
        "zh": "失业 经济困难 裁员 下岗",
        "en": "lost my job, laid off, unemployed, financial hardship",
    },
    "OTH00": {
        "zh": (
            "差评 失望 垃圾 太差 很差 真差 极差 最差 差劲 后悔 无语 恶心 坑 再也不 不会再 不推荐 不敢恭维 "
            "糟糕 郁闷 气愤 气死 差 !满意 !喜欢 !建议 !推荐 !好 !怎么样 !咋地 !行 !咋样"
        ),
        "en": (
            "disappoint*, terrible, worst, awful, horrible, never again, unacceptable, frustrat*, "
            "dissatisfied, unhappy, waste of, useless, upset, !satisfied, !happy, !recommend*, !good, "
            "!pleased"
        ),
    },
}
"""Code of the standard catalogue to terms: Chinese by blanks, English by commas."""

NEGATORS: dict[str, tuple[str, ...]] = {
    "zh": ("没有", "没", "不", "无", "未", "并非", "毫无", "别", "甭"),
    "en": ("not", "no", "never", "without", "hardly", "barely", "cannot", "nor", "neither", "unable", "none", "nobody"),
}
"""What turns a term around; in English also every word in n't."""

_CHINESE = (
    "不仅 不但 不只 不光 不管 不论 无论 不得不 没想到 想不到 不知 差不多 不好意思 不过 不同 不断 不少 不久 "
    "不愧 不禁 不料 不小心 好不容易 对不起 是不是 好不好 贵不贵 要不是 要不 不错 非常 特别 别人 别的 别家 "
    "级别 分别 识别 别墅 个别 性别 区别 告别 别提 除非 未来 无聊 无奈 无线 无比 免不了 忍不住 不由 差点 差别 "
    "出差 时差 贵公司 贵司 贵店 贵州 贵阳 宝贵 珍贵 贵宾 名贵 尊贵 可贵 高贵 贵族 贵重 没事 没问题 没的说 "
    "没得说 没话说 没毛病 不大不小 无可挑剔 灿烂 破费 打破 好坏 酒吧 烂熟 坑坑 不要紧 挺不错 好的 还行 银行 "
    "进行 行李 步行 发行 流行 行业 旅行 自行 运行 行为 好多 正好 刚好 最好 好像 好几 只好 说好 爱好"
)
_ENGLISH = "not only, not just, no doubt, no wonder, not to mention, no problem, no matter"

PSEUDO_NEGATORS: tuple[str, ...] = (*_CHINESE.split(), *_ENGLISH.split(", "))
"""What looks like a negation, or like a term, and is none."""

SCOPE_ENDS: tuple[str, ...] = ("又", "还", "而", "但", "却", "且", "就是", "可是", "只是", "竟然", "居然")
"""What ends the reach of a Chinese negation inside a clause."""
