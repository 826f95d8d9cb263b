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

extension ScoringFold {
    /// Saves what was decided, table by table.
    ///
    /// - Returns: one `affiliates.scored` message per affiliate, programme and currency that changed.
    func save(in transaction: borrowing Transaction) throws(PostgresError) -> [ScoringMessage] {
        try ParkedStore.forgetEvents(withdrawnEvents, in: transaction)
        try ParkedStore.settleEvents(releasedEvents, in: transaction)
        try TrackingSave.events(intakes, in: transaction)
        try TrackingSave.exceptions(exceptions, in: transaction)
        CrashPoint.hit(.afterDedupe)
        try TrackingSave.clicks(clicks, in: transaction)
        try ParkedStore.save(parked, in: transaction)
        // By key, so that rows meet the indexes in order.
        let sorted = conversions.sorted { $0.event.conversionID < $1.event.conversionID }
        try TrackingSave.conversions(sorted, in: transaction)
        try TrackingSave.commissions(sorted, at: now, in: transaction)
        try TrackingSave.refunds(refunds, in: transaction)
        try TrackingSave.reversals(reversed, in: transaction)
        try LedgerStore.append(ledger.transactions, in: transaction, at: now)
        return try score(in: transaction)
    }

    /// The conversions whose commissions refunds of this batch changed, each once, as it stands now.
    private var reversed: [RecordedConversion] {
        Set(refunds.map(\.conversion.conversionID)).sorted().compactMap { facts.conversions[$0] }.filter { !$0.isTest }
    }

    private func score(in transaction: borrowing Transaction) throws(PostgresError) -> [ScoringMessage] {
        guard !touches.isEmpty else { return [] }
        let touches = touches.sorted { $0.key < $1.key }
        let before = try TrackingLoad.totals(touches.map { $0.key }, in: transaction)
        var days: [AggregateStore.DayChange] = []
        var scored: [AggregateStore.Scored] = []
        var messages: [ScoringMessage] = []
        scored.reserveCapacity(touches.count)
        messages.reserveCapacity(touches.count)
        for (key, touch) in touches {
            for (day, added) in touch.days.sorted(by: { $0.key < $1.key }) {
                days.append(AggregateStore.DayChange(key: key, day: day, added: added))
            }
            let totals = (before[key] ?? AffiliateScore.Totals()).adding(touch.added)
            let score = AffiliateScore(of: totals)
            scored.append(
                AggregateStore.Scored(key: key, added: touch.added, score: score, lastEventAt: touch.lastEventAt))
            messages += self.messages(key, touch, score, sample: totals.conversions)
        }
        try AggregateStore.add(days, in: transaction)
        try AggregateStore.save(scored, in: transaction)
        return messages
    }

    /// Conversions of one message: with the longest texts that an event may have they stay below a broker's 1 MB.
    static let messageConversionsMaximum = 500

    /// One message, or several where one would be larger than a broker takes.
    private func messages(
        _ key: AggregateKey, _ touch: ScoringTouch, _ score: AffiliateScore, sample: Int64
    ) -> [ScoringMessage] {
        let count = touch.conversions.count
        let width = ScoringFold.messageConversionsMaximum
        return stride(from: 0, to: max(1, count), by: width).map { start in
            let message = AffiliateScored(
                affiliateID: key.affiliateID, programID: key.programID, scoreTenths: score.tenths,
                components: score.components, sample: sample, duplicateOrders: start == 0 ? touch.duplicateOrders : 0,
                conversions: Array(touch.conversions[start..<min(start + width, count)]))
            let id = Identifier(
                hashing: ScoringStage.group, touch.firstEvent.description, String(touch.position.partition),
                String(touch.position.offset), key.affiliateID, key.programID, key.currency.code, String(start))
            return ScoringMessage(
                partition: touch.position.partition, message: OutboxMessage(message, id: id, at: touch.lastEventAt))
        }
    }
}

extension AffiliateScore.Totals {
    func adding(_ other: AffiliateScore.Totals) -> AffiliateScore.Totals {
        AffiliateScore.Totals(
            clicks: clicks + other.clicks, conversions: conversions + other.conversions,
            refunds: refunds + other.refunds, revenueMinor: revenueMinor + other.revenueMinor,
            refundedMinor: refundedMinor + other.refundedMinor)
    }
}
