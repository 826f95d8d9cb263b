import Domain
import Events
import Outbox
import Postgres
import Storage
import WorkerRuntime

/// A message of the batch with the partition whose records caused it.
struct ScoringMessage: Sendable {
    let partition: Int32
    let message: OutboxMessage
}

/// What a batch came to, before it is saved.
struct ScoringDecision: Sendable {
    let now: Timestamp
    let intake: IntakeFold
    let money: MoneyFold
    let figures: ScoringFigures

    /// Decides what was taken in, step by step.
    ///
    /// - Parameter money: the prices' facts, still untouched.
    init(_ intake: IntakeFold, _ money: MoneyFold) {
        var money = money
        var figures = ScoringFigures()
        for step in intake.steps {
            switch step {
            case .click(let event, let position, let affiliateID, let program):
                figures.click(event, affiliateID, program, FigureSource(event, position))
            case .order(let order):
                figures.order(order, money.price(order))
            case .refund(let event, let position):
                let moves = money.refund(event)
                guard let conversion = money.conversions[event.conversionID] else { continue }
                let source = FigureSource(event, position)
                figures.refund(event, of: conversion, sign: 1, moves, source)
            case .refundReversal(let event, let position):
                let moves = money.reverse(event)
                guard let conversion = money.conversions[event.conversionID] else { continue }
                let source = FigureSource(event, position)
                figures.refund(event, of: conversion, sign: -1, moves, source)
            case .repeatedOrder(let event, let position, let affiliateID, let currency):
                figures.repeatedOrder(event, affiliateID, currency, FigureSource(event, position))
            }
        }
        now = intake.now
        self.intake = intake
        self.money = money
        self.figures = figures
    }

    /// Saves what was decided, table by table.
    ///
    /// - Returns: one `affiliates.scored` message per affiliate, programme and currency that changed.
    func save(in transaction: borrowing Transaction) throws(PostgresError) -> [ScoringMessage] {
        try ParkedStore.forgetEvents(intake.withdrawn, in: transaction)
        try ParkedStore.settleEvents(intake.released, in: transaction)
        try TrackingSave.events(intake.intakes, in: transaction)
        try TrackingSave.exceptions(intake.exceptions, in: transaction)
        CrashPoint.hit(.afterDedupe)
        try TrackingSave.clicks(intake.clicks, in: transaction)
        try ParkedStore.save(intake.parked, at: now, in: transaction)
        try TrackingSave.conversions(intake.conversions, in: transaction)
        try AwaitedClickStore.save(intake.awaitedClicks, at: now, in: transaction)
        try money.save(at: now, in: transaction)
        return try figures.save(in: transaction)
    }
}

extension IntakeFold {
    private var orders: [PlacedOrder] {
        steps.compactMap { step in
            guard case .order(let order) = step else { return nil }
            return order
        }
    }

    /// What is to be priced, in the order in which it came.
    var cases: [PricingCase] { orders.filter { !$0.event.isTest }.map { PricingCase($0) } }

    /// By key, so that rows meet the index in order.
    fileprivate var conversions: [TrackingSave.Conversion] {
        orders.sorted { $0.event.conversionID < $1.event.conversionID }.map {
            TrackingSave.Conversion(event: $0.event, attribution: $0.attribution, currency: $0.currency)
        }
    }

    fileprivate var awaitedClicks: [AwaitedClickStore.Awaited] {
        orders.compactMap { order in
            guard order.attribution.awaitsClick, !order.event.isTest, let key = order.event.clickKey else { return nil }
            return AwaitedClickStore.Awaited(conversionID: order.event.conversionID, clickKey: key)
        }
    }

    /// Whose balances refunds of the batch may touch: those of recorded commissions; new ones are pending.
    var refundedAffiliates: [String] {
        steps.flatMap { step -> [String] in
            switch step {
            case .refund(let event, _), .refundReversal(let event, _):
                facts.conversions[event.conversionID]?.commissions.map(\.affiliateID) ?? []
            case .click, .order, .repeatedOrder: []
            }
        }
    }
}

extension MoneyFold {
    func save(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        try PricingSave.commissions(commissions, at: now, in: transaction)
        try PricingSave.caps(facts.caps, in: transaction)
        try PricingSave.customers(facts.newCustomers, in: transaction)
        try RefundSave.refunds(refunds, in: transaction)
        try RefundSave.reversals(refundReversals, in: transaction)
        try PricingSave.changes(changedCommissions, in: transaction)
        try CommissionHistory.append(history, at: now, in: transaction)
        try LedgerStore.append(ledger.transactions, in: transaction, at: now)
    }
}

extension ScoringFigures {
    func save(in transaction: borrowing Transaction) throws(PostgresError) -> [ScoringMessage] {
        guard !touches.isEmpty else { return [] }
        var days: [AggregateStore.DayChange] = []
        var messages: [ScoringMessage] = []
        days.reserveCapacity(touches.count)
        messages.reserveCapacity(touches.count)
        for (key, touch) in touches.sorted(by: { $0.key < $1.key }) {
            for (day, added) in touch.days.sorted(by: { $0.key < $1.key }) {
                days.append(AggregateStore.DayChange(key: key, day: day, added: added))
            }
            if touch.isTold { messages += self.messages(key, touch) }
        }
        try AggregateStore.add(days, in: transaction)
        return messages
    }

    /// Conversions and observed events of one message: with the longest texts that an event may have they stay below a
    /// broker's 1 MB.
    static let messageConversionsMaximum = 400
    static let messageObservationsMaximum = 1_000

    /// One message, or several where one would be larger than a broker takes.
    private func messages(_ key: AggregateKey, _ touch: ScoringTouch) -> [ScoringMessage] {
        let conversions = touch.conversions.parts(of: ScoringFigures.messageConversionsMaximum)
        let observations = touch.observations.parts(of: ScoringFigures.messageObservationsMaximum)
        return (0..<max(1, conversions.count, observations.count)).map { part in
            let message = AffiliateScored(
                affiliateID: key.affiliateID, programID: key.programID,
                duplicateOrders: part == 0 ? touch.duplicateOrders : 0,
                conversions: part < conversions.count ? conversions[part] : [],
                observations: part < observations.count ? observations[part] : [])
            let id = Identifier(
                hashing: ScoringStage.group, touch.first.key.description, String(touch.first.position.partition),
                String(touch.first.position.offset), key.affiliateID, key.programID, key.currency.code, String(part))
            return ScoringMessage(
                partition: touch.first.position.partition,
                message: OutboxMessage(message, id: id, at: touch.lastEventAt))
        }
    }
}

extension Array {
    /// Cut into parts of at most `width`.
    fileprivate func parts(of width: Int) -> [[Element]] {
        stride(from: 0, to: count, by: width).map { Array(self[$0..<Swift.min($0 + width, count)]) }
    }
}
