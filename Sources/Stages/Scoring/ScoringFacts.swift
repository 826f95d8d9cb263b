import Domain
import Events
import Postgres
import Storage

/// What the database knows of a batch before it is decided.
struct ScoringFacts: Sendable {
    var programs: [String: Program] = [:]
    /// Known affiliates and whether each is active.
    var affiliates: [String: Bool] = [:]
    /// Content hashes of known events.
    var events: [Identifier: Identifier] = [:]
    var clicks: [Identifier: Attribution.Click] = [:]
    var knownConversions: Set<Identifier> = []
    /// The conversions that refunds name.
    var conversions: [Identifier: RecordedConversion] = [:]
    var knownRefunds: Set<Identifier> = []
    /// Payable balances of affiliates with a refund, minor units.
    var payable: [String: [Currency: Int64]] = [:]

    init() {}

    /// Loads the facts of a batch, one query per table.
    ///
    /// - Parameter registersUnknown: whether unknown programmes and affiliates are registered on the way.
    init(
        _ inputs: [ScoringStage.Input], registersUnknown: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let events = inputs.compactMap { $0.event }
        guard !events.isEmpty else { return }
        let refunds = events.filter { $0.kind == .refund || $0.kind == .chargeback }
        let clickKeys = events.compactMap { $0.clickKey }
        let orders = events.filter { $0.kind == .conversion }.map { $0.conversionID }
        self.events = try TrackingLoad.events(unique(events.map { $0.eventKey }), in: transaction)
        clicks = try TrackingLoad.clicks(unique(clickKeys), in: transaction)
        knownConversions = try TrackingLoad.knownConversions(unique(orders), in: transaction)
        try loadParties(events, registersUnknown: registersUnknown, in: transaction)
        guard !refunds.isEmpty else { return }
        conversions = try TrackingLoad.conversions(unique(refunds.map(\.conversionID)), in: transaction)
        knownRefunds = try TrackingLoad.knownRefunds(unique(refunds.map(\.refundKey)), in: transaction)
        payable = try TrackingLoad.payable(unique(conversions.values.map(\.affiliateID)), in: transaction)
    }

    private mutating func loadParties(
        _ events: [TrackingEvent], registersUnknown: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let programIDs = unique(events.map { $0.programID })
        let affiliateIDs = unique(events.compactMap { $0.affiliateID } + clicks.values.map { $0.affiliateID })
        programs = try TrackingLoad.programs(programIDs, in: transaction)
        affiliates = try TrackingLoad.affiliates(affiliateIDs, in: transaction)
        guard registersUnknown else { return }
        let newPrograms = programIDs.filter { programs[$0] == nil }
        if !newPrograms.isEmpty {
            try RegistrationStore.addPrograms(currencies(of: newPrograms, in: events), in: transaction)
            programs = try TrackingLoad.programs(programIDs, in: transaction)
        }
        let newAffiliates = affiliateIDs.filter { affiliates[$0] == nil }
        if !newAffiliates.isEmpty {
            try RegistrationStore.addAffiliates(newAffiliates, in: transaction)
            affiliates = try TrackingLoad.affiliates(affiliateIDs, in: transaction)
        }
    }

    /// The currency of the first event with one; a programme that only had clicks so far starts in US dollars.
    private func currencies(of programs: [String], in events: [TrackingEvent]) -> [String: Currency] {
        var currencies: [String: Currency] = [:]
        for event in events where currencies[event.programID] == nil { currencies[event.programID] = event.currency }
        let fallback = Currency(code: "USD")
        return Dictionary(
            uniqueKeysWithValues: programs.compactMap { id in (currencies[id] ?? fallback).map { (id, $0) } })
    }
}

extension ScoringStage.Input {
    var event: TrackingEvent? {
        guard case .event(let event) = self else { return nil }
        return event
    }
}

/// Sorted, so that look-ups walk an index in order and locks are taken in one order everywhere.
private func unique<Value: Hashable & Comparable>(_ values: [Value]) -> [Value] {
    Set(values).sorted()
}
