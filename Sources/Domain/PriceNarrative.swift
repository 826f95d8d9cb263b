/// A price told in sentences: from the same facts that it was made of.
public enum PriceNarrative {
    /// How the amount came about, step by step.
    ///
    /// - Parameter rule: the one that priced it; nil if none was for the order.
    public static func steps(_ recorded: RecordedPrice, _ rule: RuleVersion?) -> [String] {
        let facts = recorded.facts
        guard let rule else { return ["No rule of the programme was for the order: nothing is paid."] }
        var steps: [String] = []
        let baseCurrency = recorded.tier == 1 ? facts.currency : facts.commissionCurrency
        let base = text(recorded.baseMinor, baseCurrency)
        if recorded.tier == 2 {
            steps.append("The commission of the affiliate who was referred is \(base).")
        } else if recorded.baseMinor == facts.amountMinor {
            steps.append("The order amounts to \(base).")
        } else {
            steps.append("The items that the rule names amount to \(base) of \(text(facts.amountMinor, baseCurrency)).")
        }
        if let quote = facts.quote, recorded.tier == 1 {
            steps.append(
                "1 \(quote.base.code) is \(quote.decimal) \(quote.quote.code) by quote \(quote.quoteID) of "
                    + "\(CivilDate(daysSinceEpoch: quote.quotedAt.day).text).")
        }
        steps.append(action(rule.terms.action, facts))
        let uncapped = text(recorded.uncappedMinor, facts.commissionCurrency)
        steps.append("That is \(uncapped), rounded once, half to even.")
        if let left = recorded.capLeftMinor {
            let paid = text(recorded.amountMinor, facts.commissionCurrency)
            steps.append("The tightest cap had \(text(left, facts.commissionCurrency)) left: \(paid) is paid.")
        }
        return steps
    }

    private static func action(_ action: RuleAction, _ facts: OrderFacts) -> String {
        let currency = facts.commissionCurrency
        switch action {
        case .percent(let rate): return "The rule pays \(rate.percentText) of it."
        case .fixed(let minor):
            return "The rule pays \(text(minor, currency)) for each of \(facts.quantity) conversions."
        case .perItem(let minor): return "The rule pays \(text(minor, currency)) for each piece."
        case .tiered(let tiers):
            let rate = tiers.last { $0.fromMinor <= facts.approvedVolumeMinor }?.rate ?? BasisPoints(0)
            return "The affiliate's approved volume of the month was \(text(facts.approvedVolumeMinor, currency)): "
                + "the rule pays \(rate.percentText) of it."
        case .recurring(let rate, let months):
            let since = facts.customerSince.map(day) ?? "an unknown day"
            let span = months.map { " for \($0) months" } ?? ""
            return "The customer ordered first on \(since): the rule pays \(rate.percentText) of every order\(span)."
        case .secondTier(let rate):
            return "The rule pays the affiliate who referred that one \(rate.percentText) of it."
        }
    }

    /// Why a rule lost, with the value that was measured.
    public static func sentence(_ loss: RuleLoss, of rule: RuleVersion, for order: OrderFacts) -> String {
        switch loss {
        case .notYetInForce:
            "It is in force only from \(day(rule.validFrom)) on; the order is of \(day(order.occurredAt))."
        case .superseded: "A later version of the rule counted."
        case .ended:
            "It ended on \(rule.validUntil.map(day) ?? "an unknown day"); the order is of \(day(order.occurredAt))."
        case .condition(let condition): sentence(condition, for: order)
        case .currencyDiffers:
            "It names amounts of \(rule.terms.currency?.code ?? "the programme's currency"); "
                + "the commission is in \(order.commissionCurrency.code)."
        case .customerUnknown: "It pays by customer; the order names none."
        case .durationOver:
            "The customer ordered first on \(order.customerSince.map(day) ?? "an unknown day"), which is too long ago."
        case .outranked(let winner): "It is for the order, but the rule \(winner) goes first."
        }
    }

    private static func sentence(_ condition: RuleCondition, for order: OrderFacts) -> String {
        let value: String? =
            switch condition {
            case .affiliates: order.affiliateID
            case .groups: order.groupID
            case .countries: order.country
            case .skus: list(order.items.compactMap(\.sku))
            case .categories: list(order.items.compactMap(\.category))
            case .coupons: order.coupon
            case .subIDs: order.subID
            case .newCustomer: order.isNewCustomer.map { $0 ? "true" : "false" }
            case .minimumOrder: text(order.amountMinor, order.currency)
            }
        return "Its condition \(condition.rawValue) does not hold: the order has \(value ?? "none")."
    }

    private static func list(_ texts: [String]) -> String? {
        texts.isEmpty ? nil : texts.joined(separator: ", ")
    }

    private static func text(_ minorUnits: Int64, _ currency: Currency) -> String {
        "\(Money(minorUnits: minorUnits, currency: currency).decimal) \(currency.code)"
    }

    private static func day(_ moment: Timestamp) -> String { CivilDate(daysSinceEpoch: moment.day).text }
}

extension BasisPoints {
    /// As in `12.50 %`.
    public var percentText: String { "\(Money.decimal(minorUnits: Int64(value), exponent: 2)) %" }
}
