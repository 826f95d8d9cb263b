/// A rule told in sentences, for people who decide about it.
public enum RuleNarrative {
    /// What the rule pays, as in `10.00 % of the order`.
    ///
    /// - Parameter currency: the programme's, in which amounts are unless the rule names another.
    public static func action(_ terms: RuleTerms, in currency: Currency) -> String {
        let currency = terms.currency ?? currency
        return switch terms.action {
        case .percent(let rate): "\(rate.percentText) of \(base(terms))"
        case .fixed(let minor): "\(text(minor, currency)) for each conversion"
        case .perItem(let minor): "\(text(minor, currency)) for each piece of \(base(terms))"
        case .tiered(let tiers):
            "by the affiliate's approved volume of the month: "
                + tiers.map { "\($0.rate.percentText) from \(text($0.fromMinor, currency))" }.joined(separator: ", ")
        case .recurring(let rate, let months):
            "\(rate.percentText) of \(base(terms)), for every order of a customer"
                + (months.map { " until \($0) months after the first" } ?? "")
        case .secondTier(let rate): "\(rate.percentText) of the commission, to whoever referred the affiliate"
        }
    }

    /// For which orders it is, one sentence per condition; empty: for all.
    public static func conditions(_ terms: RuleTerms, in currency: Currency) -> [String] {
        let conditions = terms.conditions
        var sentences: [String] = []
        func list(_ what: String, _ values: Set<String>) {
            guard !values.isEmpty else { return }
            let shown = values.sorted()
            let rest = shown.count - valuesShown
            sentences.append(
                what + " " + shown.prefix(valuesShown).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : ""))
        }
        list("affiliate", conditions.affiliates)
        list("group", conditions.groups)
        list("country", conditions.countries)
        list("SKU", conditions.skus)
        list("category", conditions.categories)
        list("coupon", conditions.coupons)
        list("sub-id", conditions.subIDs)
        if let new = conditions.newCustomer { sentences.append(new ? "new customers" : "customers who ordered before") }
        if let minimum = conditions.minimumOrderMinor {
            sentences.append("orders from \(text(minimum, terms.currency ?? currency))")
        }
        return sentences
    }

    /// Up to how much it pays, one sentence per cap.
    public static func caps(_ terms: RuleTerms, in currency: Currency) -> [String] {
        terms.caps.map { cap in
            let limit = "at most \(text(cap.limitMinor, terms.currency ?? currency))"
            let whom = cap.scope == .affiliate ? "per affiliate" : "in the programme"
            return cap.period == .total ? "\(limit) \(whom) in all" : "\(limit) \(whom) and \(cap.period.rawValue)"
        }
    }

    /// Values of a condition that a sentence names.
    private static let valuesShown = 12

    private static func base(_ terms: RuleTerms) -> String {
        terms.conditions.namesItems ? "the items that it is for" : "the order"
    }

    private static func text(_ minorUnits: Int64, _ currency: Currency) -> String {
        "\(Money(minorUnits: minorUnits, currency: currency).decimal) \(currency.code)"
    }
}
