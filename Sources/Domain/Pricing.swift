/// What a conversion pays, with everything that the amount came from.
public struct Price: Hashable, Sendable {
    /// nil: no rule was for the order.
    public let rule: RuleVersion?
    /// What the rule rates, in minor units of the order's currency; of the second tier, the first commission.
    public let baseMinor: Int64
    /// nil where the rule pays amounts.
    public let rate: BasisPoints?
    /// Before caps, in minor units of the commission's currency.
    public let uncappedMinor: Int64
    /// What the tightest cap had left; nil: no cap.
    public let capLeftMinor: Int64?
    /// Minor units of the commission's currency.
    public let amountMinor: Int64

    /// What is to be said about it.
    public var codes: [ReasonCode] {
        if rule == nil { return [.noRule] }
        return amountMinor < uncappedMinor ? [.capReached] : []
    }

    static let nothing = Price(
        rule: nil, baseMinor: 0, rate: nil, uncappedMinor: 0, capLeftMinor: nil, amountMinor: 0)
}

extension RuleSet {
    /// The price of an order by a rule of the first tier, taken out of the rule's caps.
    ///
    /// - Parameter rule: as `winner(for:)` said; nil prices nothing.
    public func price(_ order: OrderFacts, by rule: RuleVersion?, caps: inout CapBook) -> Price {
        guard let rule else { return .nothing }
        let items = rule.terms.conditions.namesItems ? order.items.filter(rule.terms.conditions.takes) : nil
        // Items may add up to more than the order where a discount was given on all of it.
        let baseMinor = min(items.map { $0.reduce(0) { $0 + $1.amountMinor } } ?? order.amountMinor, order.amountMinor)
        let pieces = items.map { $0.reduce(0) { $0 + Int64($1.quantity) } } ?? Int64(order.quantity)
        let base = order.inCommissionCurrency(baseMinor)
        let rate: BasisPoints?
        let exact: ExactAmount
        switch rule.terms.action {
        case .percent(let share), .recurring(let share, _):
            (rate, exact) = (share, base.share(share))
        case .tiered(let tiers):
            let share = tiers.last { $0.fromMinor <= order.approvedVolumeMinor }?.rate ?? BasisPoints(0)
            (rate, exact) = (share, base.share(share))
        case .fixed(let amountMinor):
            (rate, exact) = (nil, ExactAmount(minorUnits: amountMinor * Int64(order.quantity)))
        case .perItem(let amountMinor):
            (rate, exact) = (nil, ExactAmount(minorUnits: amountMinor * pieces))
        case .secondTier:
            preconditionFailure("a rule of the second tier prices no order")
        }
        return capped(
            exact, rule, order, to: order.affiliateID, baseMinor: baseMinor, rate: rate, caps: &caps)
    }

    /// What the affiliate gets who referred the one that earned `commissionMinor`.
    ///
    /// - Parameters:
    ///   - rule: as `secondTierWinner(for:)` said.
    ///   - referrer: who gets it.
    public func secondTierPrice(
        of commissionMinor: Int64, for order: OrderFacts, to referrer: String, by rule: RuleVersion,
        caps: inout CapBook
    ) -> Price {
        guard case .secondTier(let rate) = rule.terms.action else {
            preconditionFailure("a rule of the first tier pays no referrer")
        }
        let exact = ExactAmount(minorUnits: commissionMinor).share(rate)
        return capped(
            exact, rule, order, to: referrer, baseMinor: commissionMinor, rate: rate, caps: &caps)
    }

    private func capped(
        _ exact: ExactAmount, _ rule: RuleVersion, _ order: OrderFacts, to affiliateID: String, baseMinor: Int64,
        rate: BasisPoints?, caps: inout CapBook
    ) -> Price {
        // Intake refuses orders whose converted amount is beyond the maximum, and a share is no more than its whole;
        // amounts in rules times the largest quantity stay below it too.
        guard let uncappedMinor = exact.rounded else { preconditionFailure("a commission exceeds its maximum") }
        let keys = CapBook.keys(
            of: rule, programID: programID, affiliateID: affiliateID, at: order.occurredAt,
            in: order.commissionCurrency)
        let (grantedMinor, leftMinor) = caps.take(uncappedMinor, from: rule.terms.caps, keys)
        return Price(
            rule: rule, baseMinor: baseMinor, rate: rate, uncappedMinor: uncappedMinor, capLeftMinor: leftMinor,
            amountMinor: grantedMinor)
    }
}
