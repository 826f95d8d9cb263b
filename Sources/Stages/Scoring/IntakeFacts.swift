import Domain
import Events
import Postgres
import Storage

/// What the database knows of a batch before it is taken in.
struct IntakeFacts: Sendable {
    var programs: [String: Program] = [:]
    var parties: [String: Party] = [:]
    /// Content hashes of known events.
    var events: [MonthKey: Identifier] = [:]
    var knownClicks: Set<MonthKey> = []
    var clicks = ClickBook()
    var coupons: [PricingLoad.CouponKey: PricingLoad.Coupon] = [:]
    /// Newest first.
    var quotes: [FXQuote] = []
    var knownConversions: Set<Identifier> = []
    /// The conversions that refunds name; their commissions are locked.
    var conversions: [Identifier: RecordedConversion] = [:]
    var refunds: [Identifier: RecordedRefund] = [:]

    init() {}

    /// Loads the facts of a batch, one query per table.
    ///
    /// - Parameters:
    ///   - events: of plausible times: their months are made if they are missing.
    ///   - registersUnknown: whether unknown programmes and affiliates are registered on the way.
    init(
        _ events: [TrackingEvent], registersUnknown: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !events.isEmpty else { return }
        let refunds = events.filter { $0.kind.concernsRefund }
        let orders = events.filter { $0.kind == .conversion }
        let keys = unique(events.map { $0.monthKey })
        try MonthStore.make(unique(keys.map(\.month)), in: transaction)
        self.events = try TrackingLoad.events(keys, in: transaction)
        knownClicks = try TrackingLoad.knownClicks(
            unique(events.filter { $0.kind == .click }.compactMap { $0.clickMonthKey }), in: transaction)
        programs = try TrackingLoad.programs(unique(events.map { $0.programID }), in: transaction)
        try loadClicks(orders, in: transaction)
        coupons = try PricingLoad.coupons(unique(orders.compactMap { $0.couponKey }), in: transaction)
        knownConversions = try TrackingLoad.knownConversions(unique(orders.map { $0.conversionID }), in: transaction)
        try loadParties(events, registersUnknown: registersUnknown, in: transaction)
        try loadQuotes(orders, in: transaction)
        guard !refunds.isEmpty else { return }
        conversions = try RefundLoad.conversions(unique(refunds.map { $0.conversionID }), in: transaction)
        self.refunds = try RefundLoad.refunds(unique(refunds.map { $0.refundKey }), in: transaction)
    }

    private mutating func loadClicks(
        _ orders: [TrackingEvent], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let moments = orders.lazy.filter { $0.clickKey != nil }.map(\.occurredAt)
        guard let first = moments.min(), let last = moments.max() else { return }
        let windowDays = programs.values.map(\.attributionWindowDays).max() ?? 0
        clicks = try TrackingLoad.clicks(
            unique(orders.compactMap { $0.clickKey }), from: first.adding(days: -windowDays), to: last, in: transaction)
    }

    /// The quote that converts an order of this programme; nil if none counts.
    func quote(from base: Currency, to quote: Currency, at moment: Timestamp) -> FXQuote? {
        quotes.first { $0.base == base && $0.quote == quote && $0.counts(at: moment) }
    }

    private mutating func loadParties(
        _ events: [TrackingEvent], registersUnknown: Bool, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let programIDs = unique(events.map { $0.programID })
        let named = events.compactMap { $0.affiliateID }
        let affiliateIDs = unique(named + clicks.affiliateIDs + coupons.values.map(\.affiliateID))
        parties = try TrackingLoad.affiliates(affiliateIDs, in: transaction)
        guard registersUnknown else { return }
        let newPrograms = programIDs.filter { programs[$0] == nil }
        if !newPrograms.isEmpty {
            try RegistrationStore.addPrograms(currencies(of: newPrograms, in: events), in: transaction)
            programs = try TrackingLoad.programs(programIDs, in: transaction)
        }
        let newAffiliates = affiliateIDs.filter { parties[$0] == nil }
        if !newAffiliates.isEmpty {
            try RegistrationStore.addAffiliates(newAffiliates, in: transaction)
            parties = try TrackingLoad.affiliates(affiliateIDs, in: transaction)
        }
    }

    private mutating func loadQuotes(
        _ orders: [TrackingEvent], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        var pairs: Set<[Currency]> = []
        var first = Timestamp(microsecondsSinceEpoch: .max)
        var last = Timestamp(microsecondsSinceEpoch: .min)
        for order in orders {
            guard let program = programs[order.programID], let currency = order.currency else { continue }
            let target = program.commissionCurrency(of: currency)
            guard target != currency else { continue }
            pairs.insert([currency, target])
            first = min(first, order.occurredAt)
            last = max(last, order.occurredAt)
        }
        quotes = try PricingLoad.quotes(
            pairs.map { ($0[0], $0[1]) }, from: first, to: last, in: transaction)
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

extension TrackingEvent {
    /// nil without a coupon.
    var couponKey: PricingLoad.CouponKey? {
        coupon.map { PricingLoad.CouponKey(programID: programID, code: $0) }
    }
}

extension TrackingEvent.Kind {
    /// Whether it is about an order that was recorded before.
    var concernsRefund: Bool { self == .refund || self == .chargeback || self == .refundReversal }
}

/// Sorted, so that look-ups walk an index in order and locks are taken in one order everywhere.
func unique<Value: Hashable & Comparable>(_ values: [Value]) -> [Value] {
    Set(values).sorted()
}
