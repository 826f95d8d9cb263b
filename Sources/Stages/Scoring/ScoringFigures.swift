import Domain
import Events
import Storage

/// What a batch adds to the figures of affiliates: their days, and the message about them.
struct ScoringFigures: Sendable {
    private(set) var touches: [AggregateKey: ScoringTouch] = [:]

    private static let reading = FraudEventReading()

    mutating func click(
        _ event: TrackingEvent, _ affiliateID: String, _ program: Program, _ source: FigureSource
    ) {
        let observation = ScoringFigures.reading.observe(event)
        touch(affiliateID, program.programID, program.currency, source) {
            $0.count(source, at: source.occurredAt) { $0.clicks += 1 }
            if let observation { $0.observe(observation) }
        }
    }

    /// - Parameter commissions: what it made; none for a test, which counts nowhere.
    mutating func order(_ order: PlacedOrder, _ commissions: [NewCommission]) {
        let event = order.event
        guard !event.isTest else { return }
        let source = FigureSource(event, order.position)
        let observation = ScoringFigures.observe(event, of: order.affiliateID, conversionID: event.conversionID)
        touch(order.affiliateID, event.programID, order.currency, source) {
            $0.count(source, at: event.occurredAt) {
                $0.conversions += Int64(event.quantity)
                $0.revenueMinor += event.amountMinor
            }
            $0.add(order.scored(commissionMinor: commissions.first?.price.amountMinor ?? 0))
            if let observation { $0.observe(observation) }
        }
        earn(
            commissions.map { CommissionMove(commission: $0.recorded, amountMinor: $0.price.amountMinor) },
            order.recorded, source)
    }

    /// Refunds count on the day of their order: a day's figures tell how good that day's orders were.
    ///
    /// - Parameters:
    ///   - sign: 1 for a refund, −1 for one that did not happen after all.
    ///   - moves: what it did to commissions.
    mutating func refund(
        _ event: TrackingEvent, of conversion: RecordedConversion, sign: Int64, _ moves: [CommissionMove],
        _ source: FigureSource
    ) {
        guard !conversion.isTest else { return }
        let observation = ScoringFigures.reading.observe(event)
        touch(conversion.affiliateID, conversion.programID, conversion.currency, source) {
            $0.count(source, at: conversion.occurredAt) {
                $0.refunds += sign
                $0.refundedMinor += sign * event.amountMinor
            }
            if let observation { $0.observe(observation) }
        }
        earn(moves, conversion, source)
    }

    /// Moves a conversion from one affiliate to another, on its day, its refunds with it.
    mutating func correct(
        _ correction: LateClickCorrection, _ moves: [CommissionMove], _ source: FigureSource
    ) {
        let conversion = correction.conversion
        for (affiliateID, sign) in [(conversion.affiliateID, Int64(-1)), (correction.facts.affiliateID, 1)] {
            touch(affiliateID, conversion.programID, conversion.currency, source) {
                $0.count(source, at: conversion.occurredAt) {
                    $0.conversions += sign * Int64(correction.facts.quantity)
                    $0.revenueMinor += sign * conversion.amountMinor
                    $0.refunds += sign * conversion.refunds
                    $0.refundedMinor += sign * conversion.refundedMinor
                }
            }
        }
        earn(moves, conversion, source)
    }

    /// Commission that an accepted correction moved; the conversion counts as before.
    mutating func reprice(_ conversion: RecordedConversion, _ moves: [CommissionMove], _ source: FigureSource) {
        earn(moves, conversion, source)
    }

    mutating func repeatedOrder(
        _ event: TrackingEvent, _ affiliateID: String, _ currency: Currency, _ source: FigureSource
    ) {
        let observation = ScoringFigures.observe(event, of: affiliateID, conversionID: nil)
        touch(affiliateID, event.programID, currency, source) {
            $0.repeatOrder()
            if let observation { $0.observe(observation) }
        }
    }

    /// An order that names no affiliate is seen as that of whom it was attributed to.
    private static func observe(
        _ event: TrackingEvent, of affiliateID: String, conversionID: Identifier?
    ) -> FraudObservation? {
        guard var observation = reading.observe(event) else { return nil }
        observation.conversionID = conversionID
        if observation.event.affiliate == 0 { observation.event.affiliate = FraudHash.of(affiliateID) }
        return observation
    }

    /// Commission that came or went, on the day of its order.
    private mutating func earn(
        _ moves: [CommissionMove], _ conversion: RecordedConversion, _ source: FigureSource
    ) {
        for move in moves where move.amountMinor != 0 {
            touch(move.commission.affiliateID, conversion.programID, move.commission.currency, source) {
                $0.earn(move.amountMinor, at: conversion.occurredAt)
            }
        }
    }

    private mutating func touch(
        _ affiliateID: String, _ programID: String, _ currency: Currency, _ source: FigureSource,
        _ change: (inout ScoringTouch) -> Void
    ) {
        let key = AggregateKey(affiliateID: affiliateID, programID: programID, currency: currency)
        change(&touches[key, default: ScoringTouch(source)])
    }
}

/// Commission that an affiliate earned, or lost if it is negative.
struct CommissionMove: Sendable {
    let commission: RecordedCommission
    let amountMinor: Int64
}

extension PlacedOrder {
    /// As the message about the affiliate tells it.
    fileprivate func scored(commissionMinor: Int64) -> AffiliateScored.Conversion {
        AffiliateScored.Conversion(
            conversionID: event.conversionID, occurredAt: event.occurredAt,
            secondsFromClick: attribution.click.map { event.occurredAt.seconds(since: $0.occurredAt) },
            ip: event.ip, amountMinor: event.amountMinor, commissionMinor: commissionMinor, currency: currency)
    }
}
