import Domain
import Events
import Postgres
import Storage

/// Decides a batch event by event, each seeing what the ones before it did.
///
/// Checks in order: form (at decoding), known event, time, programme, then by kind. The first that fails names the
/// outcome. Nothing here reads a clock or a table.
struct ScoringFold: Sendable {
    /// How far in the future an event may lie: clocks of tracking services are not exact.
    static let skewSeconds: Int64 = 300

    let now: Timestamp
    var facts: ScoringFacts
    /// Decides records that were parked: their events are recorded already.
    let releasesParked: Bool

    var intakes: [TrackingSave.Intake] = []
    var exceptions: [IntakeException] = []
    var clicks: [(key: Identifier, event: TrackingEvent)] = []
    var conversions: [TrackingSave.Conversion] = []
    var refunds: [TrackingSave.Refund] = []
    var parked: [ParkedStore.Parked] = []
    var withdrawnEvents: [Identifier] = []
    /// Parked events that were taken up, with whom they turned out to count for.
    var releasedEvents: [Identifier: String] = [:]
    var ledger = ScoringLedger()
    var touches: [AggregateKey: ScoringTouch] = [:]
    private(set) var outcomes: [String: Int] = [:]

    init(_ facts: ScoringFacts, at now: Timestamp, releasesParked: Bool = false) {
        self.facts = facts
        self.now = now
        self.releasesParked = releasesParked
    }

    // MARK: One event

    mutating func reject(_ rejection: EventRejection, at position: SourcePosition) {
        except(
            IntakeException(
                position: position, outcome: .rejected, code: rejection.code, eventID: rejection.eventID,
                affiliateID: rejection.affiliateID, measured: rejection.measured))
    }

    mutating func take(_ event: TrackingEvent, at position: SourcePosition, payload: ArraySlice<UInt8>?) {
        if !releasesParked, let known = facts.events[event.eventKey] {
            let code: ReasonCode = known == event.contentHash ? .duplicateEvent : .conflictingContent
            return refuse(event, position, .duplicate, code, event.eventID, of: event.eventID)
        }
        guard event.occurredAt <= now.adding(seconds: ScoringFold.skewSeconds) else {
            return refuse(event, position, .rejected, .occurredInFuture, event.occurredAt.rfc3339)
        }
        guard let program = facts.programs[event.programID] else {
            return refuse(event, position, .rejected, .programUnknown, event.programID)
        }
        switch event.kind {
        case .click: takeClick(event, position, program)
        case .conversion: takeConversion(event, position, program)
        case .refund, .chargeback: takeRefund(event, position, payload)
        }
    }

    private mutating func takeClick(_ event: TrackingEvent, _ position: SourcePosition, _ program: Program) {
        guard let affiliateID = event.affiliateID, let key = event.clickKey else { return }
        guard isActive(affiliateID, event, position) else { return }
        guard facts.clicks[key] == nil else {
            return refuse(event, position, .duplicate, .duplicateClick, event.clickID ?? "", of: event.clickID)
        }
        facts.clicks[key] = Attribution.Click(key: key, affiliateID: affiliateID, occurredAt: event.occurredAt)
        clicks.append((key, event))
        accept(event, position, affiliateID)
        guard !event.isTest else { return }
        touch(affiliateID, program.currency, event, position) { touch in
            touch.count(event, at: event.occurredAt) { $0.clicks += 1 }
        }
    }

    private mutating func takeConversion(_ event: TrackingEvent, _ position: SourcePosition, _ program: Program) {
        let conversionID = event.conversionID
        guard let currency = event.currency else { return }
        guard !facts.knownConversions.contains(conversionID) else {
            noteRepeatedOrder(event, position, currency)
            return refuse(event, position, .duplicate, .duplicateOrder, event.orderID ?? "", of: event.orderID)
        }
        let attribution = Attribution(
            affiliateID: event.affiliateID, namesClick: event.clickID != nil,
            click: event.clickKey.flatMap { facts.clicks[$0] }, occurredAt: event.occurredAt,
            windowDays: program.attributionWindowDays)
        guard let attribution else {
            return refuse(event, position, .rejected, .affiliateUnresolved, event.clickID ?? "no click")
        }
        guard isActive(attribution.affiliateID, event, position) else { return }
        let affiliateID = attribution.affiliateID
        let commissionMinor = event.isTest ? 0 : program.rate.share(of: event.amountMinor)
        let transactionID = ledger.accrue(commissionMinor, affiliateID, currency, cause: event.eventKey)
        conversions.append(
            TrackingSave.Conversion(
                event: event, attribution: attribution, currency: currency, rate: program.rate,
                commissionMinor: commissionMinor, holdUntil: event.occurredAt.adding(days: program.holdDays),
                transactionID: transactionID))
        facts.knownConversions.insert(conversionID)
        facts.conversions[conversionID] = RecordedConversion(
            conversionID: conversionID, affiliateID: affiliateID, programID: event.programID,
            amountMinor: event.amountMinor, currency: currency, isTest: event.isTest, occurredAt: event.occurredAt,
            rate: program.rate, commissionMinor: commissionMinor, reversedMinor: 0, status: .pending, refundedMinor: 0)
        accept(event, position, affiliateID)
        guard !event.isTest else { return }
        touch(affiliateID, currency, event, position) { touch in
            touch.count(event, at: event.occurredAt, commissionMinor: commissionMinor) {
                $0.conversions += Int64(event.quantity)
                $0.revenueMinor += event.amountMinor
            }
            touch.add(event, attribution, commissionMinor: commissionMinor)
        }
    }

    private mutating func takeRefund(
        _ event: TrackingEvent, _ position: SourcePosition, _ payload: ArraySlice<UInt8>?
    ) {
        guard var conversion = facts.conversions[event.conversionID] else {
            return park(event, position, payload)
        }
        guard event.currency == conversion.currency else {
            return refuse(event, position, .rejected, .currencyDiffers, event.currency?.code ?? "")
        }
        guard !facts.knownRefunds.contains(event.refundKey) else {
            return refuse(event, position, .duplicate, .duplicateRefund, event.refundID, of: event.refundID)
        }
        guard event.amountMinor <= conversion.amountMinor - conversion.refundedMinor else {
            return refuse(event, position, .rejected, .refundExceedsOrder, String(event.amountMinor))
        }
        conversion.refundedMinor += event.amountMinor
        let reversedMinor = CommissionReversal.amountMinor(
            commissionMinor: conversion.commissionMinor, reversedMinor: conversion.reversedMinor,
            rate: conversion.rate, baseMinor: conversion.amountMinor, refundedMinor: conversion.refundedMinor)
        reverse(reversedMinor, &conversion, cause: event.eventKey)
        facts.conversions[conversion.conversionID] = conversion
        facts.knownRefunds.insert(event.refundKey)
        refunds.append(
            TrackingSave.Refund(
                event: event, conversion: conversion, currency: conversion.currency, reversedMinor: reversedMinor))
        accept(event, position, conversion.affiliateID)
        guard !conversion.isTest else { return }
        // Refunds count on the day of their order: a day's figures tell how good that day's orders were.
        touch(conversion.affiliateID, conversion.currency, event, position) { touch in
            touch.count(event, at: conversion.occurredAt, commissionMinor: -reversedMinor) {
                $0.refunds += 1
                $0.refundedMinor += event.amountMinor
            }
        }
    }

    private mutating func reverse(_ amountMinor: Int64, _ conversion: inout RecordedConversion, cause: Identifier) {
        guard amountMinor > 0 else { return }
        let payable = facts.payable[conversion.affiliateID]?[conversion.currency] ?? 0
        let postings = CommissionReversal.postings(
            affiliateID: conversion.affiliateID, currency: conversion.currency, status: conversion.status,
            amountMinor: amountMinor, payableMinor: payable)
        for posting in postings where posting.debit == .payable {
            facts.payable[conversion.affiliateID]?[conversion.currency] = payable - posting.amountMinor
        }
        ledger.add(postings, cause: cause)
        conversion.reversedMinor += amountMinor
        let isUnpaid = [.pending, .held, .approved].contains(conversion.status)
        if isUnpaid, conversion.reversedMinor == conversion.commissionMinor { conversion.status = .reversed }
    }

    // MARK: Outcomes

    private mutating func accept(_ event: TrackingEvent, _ position: SourcePosition, _ affiliateID: String) {
        outcomes[IntakeOutcome.accepted.rawValue, default: 0] += 1
        guard !releasesParked else {
            releasedEvents[event.eventKey] = affiliateID
            return
        }
        facts.events[event.eventKey] = event.contentHash
        intakes.append(
            TrackingSave.Intake(event: event, position: position, affiliateID: affiliateID, isParked: false))
    }

    private mutating func park(_ event: TrackingEvent, _ position: SourcePosition, _ payload: ArraySlice<UInt8>?) {
        outcomes[IntakeOutcome.parked.rawValue, default: 0] += 1
        facts.events[event.eventKey] = event.contentHash
        intakes.append(
            TrackingSave.Intake(
                event: event, position: position, affiliateID: event.affiliateID ?? "", isParked: true))
        parked.append(
            ParkedStore.Parked(
                eventKey: event.eventKey, conversionID: event.conversionID, position: position,
                payload: payload.map { Array($0) } ?? []))
    }

    private mutating func refuse(
        _ event: TrackingEvent, _ position: SourcePosition, _ outcome: IntakeOutcome, _ code: ReasonCode,
        _ measured: String, of duplicateOf: String? = nil
    ) {
        if releasesParked { withdrawnEvents.append(event.eventKey) }
        except(
            IntakeException(
                position: position, outcome: outcome, code: code, eventID: event.eventID,
                affiliateID: event.affiliateID, duplicateOf: duplicateOf, measured: measured))
    }

    private mutating func except(_ exception: IntakeException) {
        outcomes[exception.outcome.rawValue, default: 0] += 1
        exceptions.append(exception)
    }

    private mutating func isActive(_ affiliateID: String, _ event: TrackingEvent, _ position: SourcePosition) -> Bool {
        switch facts.affiliates[affiliateID] {
        case nil: refuse(event, position, .rejected, .affiliateUnknown, affiliateID)
        case false: refuse(event, position, .rejected, .affiliateBlocked, affiliateID)
        default: return true
        }
        return false
    }

    // MARK: Aggregates

    private mutating func touch(
        _ affiliateID: String, _ currency: Currency, _ event: TrackingEvent, _ position: SourcePosition,
        _ change: (inout ScoringTouch) -> Void
    ) {
        let key = AggregateKey(affiliateID: affiliateID, programID: event.programID, currency: currency)
        change(&touches[key, default: ScoringTouch(event, position)])
    }

    /// An order that comes twice is no event, but a sign: the fraud rules count it for the affiliate that sent it.
    private mutating func noteRepeatedOrder(_ event: TrackingEvent, _ position: SourcePosition, _ currency: Currency) {
        guard let affiliateID = event.affiliateID, facts.affiliates[affiliateID] == true else { return }
        touch(affiliateID, currency, event, position) { $0.duplicateOrders += 1 }
    }
}
