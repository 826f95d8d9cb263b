public import Domain
public import Events
public import Postgres

/// What a conversion would be paid by the rules as they are now, and why; nothing is written.
public struct RuleSimulation: Encodable, Sendable {
    /// What the affiliate would get who referred the one that brought the order.
    public struct Referrer: Encodable, Sendable {
        public let affiliateId: String
        public let ruleId: String
        public let amountMinor: Int64
    }

    public let programId: String
    public let affiliateId: String
    /// In the order in which they are asked.
    public let rules: [CommissionExplanation.Rule]
    public let calculation: [String]
    public let currency: String
    public let uncappedMinor: Int64
    public let amountMinor: Int64
    public let codes: [CommissionExplanation.Signal]
    public let referrer: Referrer?

    /// Why there is no answer.
    public enum Refusal: Error, Hashable, Sendable {
        case programUnknown, affiliateUnknown, conversionUnknown
        /// The order is to be paid in the programme's currency, and no quote counts.
        case quoteMissing
        case amountOverflow
    }

    /// A conversion as an event would report it, counting for the affiliate that it names.
    ///
    /// The affiliate's approved volume, and the customer's first order, are those that are known now.
    public static func run(
        _ event: TrackingEvent, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Result<RuleSimulation, Refusal> {
        guard let program = try TrackingLoad.programs([event.programID], in: transaction)[event.programID],
            let currency = event.currency
        else { return .failure(.programUnknown) }
        let target = program.commissionCurrency(of: currency)
        var facts = OrderFacts(
            affiliateID: event.affiliateID ?? "", country: event.country, coupon: event.coupon, subID: event.subID,
            isNewCustomer: event.isNewCustomer, items: event.items?.list ?? [], quantity: event.quantity,
            amountMinor: event.amountMinor, currency: currency, occurredAt: event.occurredAt,
            commissionCurrency: target)
        if target != currency {
            let quotes = try PricingLoad.quotes(
                [(currency, target)], from: event.occurredAt, to: event.occurredAt, in: transaction)
            guard let quote = quotes.first(where: { $0.counts(at: event.occurredAt) }) else {
                return .failure(.quoteMissing)
            }
            guard quote.converted(ExactAmount(minorUnits: event.amountMinor)).rounded != nil else {
                return .failure(.amountOverflow)
            }
            facts.quote = quote
        }
        if let key = event.customerKey {
            facts.customerSince = try PricingLoad.customers([key], in: transaction)[key] ?? event.occurredAt
        }
        return try price(facts, program, in: transaction)
    }

    /// A conversion that was recorded, once more by the rules of now.
    ///
    /// - Parameter conversionID: the id of its first commission.
    public static func run(
        conversion conversionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Result<RuleSimulation, Refusal> {
        guard let entry = try RecordedPriceStore.price(of: conversionID, in: transaction), entry.price.tier == 1 else {
            return .failure(.conversionUnknown)
        }
        guard let program = try TrackingLoad.programs([entry.programID], in: transaction)[entry.programID] else {
            return .failure(.programUnknown)
        }
        return try price(entry.price.facts, program, in: transaction)
    }

    private static func price(
        _ order: OrderFacts, _ program: Program, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Result<RuleSimulation, Refusal> {
        var facts = order
        guard let party = try TrackingLoad.affiliates([facts.affiliateID], in: transaction)[facts.affiliateID] else {
            return .failure(.affiliateUnknown)
        }
        guard let rules = try RuleStore.ruleSets(of: [program.programID], in: transaction)[program.programID] else {
            return .failure(.programUnknown)
        }
        facts.groupID = party.groupID
        let month = PricingLoad.VolumeKey(
            programID: program.programID, affiliateID: facts.affiliateID, currency: facts.commissionCurrency,
            month: CalendarPeriod.month.startDay(of: facts.occurredAt))
        facts.approvedVolumeMinor = try PricingLoad.volumes([month], in: transaction)[month] ?? 0
        let winner = rules.winner(for: facts)
        let second = party.referrerID == nil ? nil : rules.secondTierWinner(for: facts)
        let keys = [(winner, facts.affiliateID), (second, party.referrerID ?? "")].flatMap { rule, affiliateID in
            rule.map {
                CapBook.keys(
                    of: $0, programID: program.programID, affiliateID: affiliateID, at: facts.occurredAt,
                    in: facts.commissionCurrency)
            } ?? []
        }
        var caps = try PricingLoad.readCaps(Set(keys).sorted(), in: transaction)
        let price = rules.price(facts, by: winner, caps: &caps)
        var referrer: Referrer?
        if let second, let referrerID = party.referrerID, price.amountMinor > 0 {
            let share = rules.secondTierPrice(
                of: price.amountMinor, for: facts, to: referrerID, by: second, caps: &caps)
            referrer = Referrer(affiliateId: referrerID, ruleId: second.ruleID, amountMinor: share.amountMinor)
        }
        return .success(RuleSimulation(program, facts, rules, price, referrer))
    }

    private init(_ program: Program, _ facts: OrderFacts, _ rules: RuleSet, _ price: Price, _ referrer: Referrer?) {
        let none = Identifier(0)
        let recorded = RecordedPrice(
            commissionID: none, conversionID: none, tier: 1, affiliateID: facts.affiliateID, facts: facts,
            rulesVersion: program.rulesVersion, ruleID: price.rule?.ruleID, ruleVersion: price.rule?.version,
            baseMinor: price.baseMinor, uncappedMinor: price.uncappedMinor, capLeftMinor: price.capLeftMinor,
            amountMinor: price.amountMinor)
        programId = program.programID
        affiliateId = facts.affiliateID
        self.rules = CommissionExplanation.Rule.list(rules.contest(for: facts), for: facts)
        calculation = PriceNarrative.steps(recorded, price.rule)
        currency = facts.commissionCurrency.code
        uncappedMinor = price.uncappedMinor
        amountMinor = price.amountMinor
        codes = price.codes.map { CommissionExplanation.Signal($0.rawValue) }
        self.referrer = referrer
    }
}
