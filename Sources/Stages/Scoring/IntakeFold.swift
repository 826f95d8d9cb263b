import Domain
import Events
import Storage

/// Takes in a batch event by event, each seeing what the ones before it did: what becomes of it, and for whom.
///
/// Checks in order: form (at decoding), known event, time, programme, then by kind. The first that fails names the
/// outcome. What moves money becomes a step for `MoneyFold`. Nothing here reads a clock or a table.
struct IntakeFold: Sendable {
    /// How a record comes.
    enum Arrival: Sendable {
        case fresh
        /// It was parked, its event recorded then, and what it waits for may be there.
        case released
        /// It was parked until now: what is still missing refuses it.
        case overdue
    }

    let now: Timestamp
    /// Conversions as they were before the batch.
    let recordedConversions: [Identifier: RecordedConversion]
    private(set) var facts: IntakeFacts
    private var arrival: Arrival = .fresh
    /// When the record began to wait that is taken now; a fresh one begins now.
    private var parkedAt: Timestamp

    private(set) var intakes: [TrackingSave.Intake] = []
    private(set) var exceptions: [IntakeException] = []
    private(set) var clicks: [(key: Identifier, event: TrackingEvent)] = []
    private(set) var parked: [ParkedStore.Parked] = []
    /// Parked events that turned out to be none.
    private(set) var withdrawn: [TrackingEvent] = []
    /// Parked events that were taken up, with whom they turned out to count for.
    private(set) var released: [(event: TrackingEvent, affiliateID: String)] = []
    /// Whatever changes money or figures, in the order in which it came.
    private(set) var steps: [ScoringStep] = []
    private(set) var outcomes: [String: Int] = [:]

    init(_ facts: IntakeFacts, at now: Timestamp) {
        self.facts = facts
        self.now = now
        recordedConversions = facts.conversions
        parkedAt = now
    }

    mutating func reject(_ rejection: EventRejection, at position: SourcePosition) {
        except(
            IntakeException(
                position: position, outcome: .rejected, code: rejection.code, identity: rejection.identity,
                measured: rejection.measured))
    }

    /// - Parameters:
    ///   - payload: the record's bytes, which a parked event keeps.
    ///   - parkedAt: when it began to wait; nil for a fresh one.
    mutating func take(
        _ event: TrackingEvent, at position: SourcePosition, payload: ArraySlice<UInt8>?, as arrival: Arrival = .fresh,
        parkedAt: Timestamp? = nil
    ) {
        self.arrival = arrival
        self.parkedAt = parkedAt ?? now
        if arrival == .fresh, let known = facts.events[event.monthKey] {
            let code: ReasonCode = known == event.contentHash ? .duplicateEvent : .conflictingContent
            return refuse(event, position, .duplicate, code, event.eventID, of: event.eventID)
        }
        if let objection = event.timeObjection(at: now) {
            return refuse(event, position, .rejected, objection, event.occurredAt.rfc3339)
        }
        guard let program = facts.programs[event.programID] else {
            return refuse(event, position, .rejected, .programUnknown, event.programID)
        }
        switch event.kind {
        case .click: takeClick(event, position, program)
        case .conversion: takeConversion(event, position, program, payload)
        case .refund, .chargeback: takeRefund(event, position, payload)
        case .refundReversal: takeReversal(event, position, payload)
        }
    }

    private mutating func takeClick(_ event: TrackingEvent, _ position: SourcePosition, _ program: Program) {
        guard let affiliateID = event.affiliateID, let key = event.clickMonthKey else { return }
        guard isActive(affiliateID, event, position) else { return }
        guard facts.knownClicks.insert(key).inserted else {
            return refuse(event, position, .duplicate, .duplicateClick, event.clickID ?? "", of: event.clickID)
        }
        facts.clicks.add(Attribution.Click(key: key.key, affiliateID: affiliateID, occurredAt: event.occurredAt))
        clicks.append((key.key, event))
        accept(event, position, affiliateID)
        if !event.isTest { steps.append(.click(event, position, affiliateID: affiliateID, program)) }
    }

    private mutating func takeConversion(
        _ event: TrackingEvent, _ position: SourcePosition, _ program: Program, _ payload: ArraySlice<UInt8>?
    ) {
        let conversionID = event.conversionID
        guard let currency = event.currency else { return }
        guard !facts.knownConversions.contains(conversionID) else {
            noteRepeatedOrder(event, position, currency)
            return refuse(event, position, .duplicate, .duplicateOrder, event.orderID ?? "", of: event.orderID)
        }
        guard let attribution = attribution(of: event, program) else {
            guard let key = event.clickKey, !facts.clicks.knows(key) else {
                return refuse(event, position, .rejected, .affiliateUnresolved, event.clickID ?? "no click")
            }
            return park(event, position, payload, .affiliateUnresolved, measured: event.clickID ?? "")
        }
        guard isActive(attribution.affiliateID, event, position) else { return }
        let target = program.commissionCurrency(of: currency)
        var quote: FXQuote?
        if target != currency {
            quote = facts.quote(from: currency, to: target, at: event.occurredAt)
            guard let quote else {
                return park(event, position, payload, .quoteMissing, measured: "\(currency.code) to \(target.code)")
            }
            guard quote.converted(ExactAmount(minorUnits: event.amountMinor)).rounded != nil else {
                let measured = "\(event.amountMinor) \(currency.code) at \(quote.decimal)"
                return refuse(event, position, .rejected, .amountOverflow, measured)
            }
        }
        let order = PlacedOrder(
            event: event, position: position, attribution: attribution, currency: currency, program: program,
            commissionCurrency: target, quote: quote, party: facts.parties[attribution.affiliateID])
        facts.knownConversions.insert(conversionID)
        facts.conversions[conversionID] = order.recorded
        accept(event, position, attribution.affiliateID)
        steps.append(.order(order))
    }

    private func attribution(of event: TrackingEvent, _ program: Program) -> Attribution? {
        let coupon = event.couponKey.flatMap { facts.coupons[$0] }.flatMap {
            $0.counts(at: event.occurredAt) ? $0 : nil
        }
        let evidence = Attribution.Evidence(
            affiliateID: event.affiliateID, namesClick: event.clickID != nil,
            click: event.clickKey.flatMap { facts.clicks.click($0, at: event.occurredAt) },
            namesCoupon: event.coupon != nil,
            couponAffiliateID: coupon?.affiliateID, occurredAt: event.occurredAt)
        return Attribution(
            evidence, windowDays: program.attributionWindowDays, couponBeatsClick: program.couponBeatsClick)
    }

    private mutating func takeRefund(
        _ event: TrackingEvent, _ position: SourcePosition, _ payload: ArraySlice<UInt8>?
    ) {
        guard let conversion = facts.conversions[event.conversionID] else {
            return park(event, position, payload, .orderUnknown, measured: event.orderID ?? "")
        }
        guard let currency = event.currency, currency == conversion.currency else {
            return refuse(event, position, .rejected, .currencyDiffers, event.currency?.code ?? "")
        }
        guard facts.refunds[event.refundKey] == nil else {
            return refuse(event, position, .duplicate, .duplicateRefund, event.refundID, of: event.refundID)
        }
        guard event.amountMinor <= conversion.amountMinor - conversion.refundedMinor else {
            return refuse(event, position, .rejected, .refundExceedsOrder, String(event.amountMinor))
        }
        facts.conversions[event.conversionID]?.refundedMinor += event.amountMinor
        facts.refunds[event.refundKey] = RecordedRefund(
            refundKey: event.refundKey, conversionID: event.conversionID, amountMinor: event.amountMinor,
            currency: currency, isReversed: false)
        accept(event, position, conversion.affiliateID)
        steps.append(.refund(event, position))
    }

    private mutating func takeReversal(
        _ event: TrackingEvent, _ position: SourcePosition, _ payload: ArraySlice<UInt8>?
    ) {
        guard let refund = facts.refunds[event.refundKey], let conversion = facts.conversions[event.conversionID] else {
            return park(event, position, payload, .refundUnknown, measured: event.refundID)
        }
        guard event.currency == refund.currency else {
            return refuse(event, position, .rejected, .currencyDiffers, event.currency?.code ?? "")
        }
        guard event.amountMinor == refund.amountMinor else {
            return refuse(event, position, .rejected, .reversalDiffers, String(event.amountMinor))
        }
        guard !refund.isReversed else {
            return refuse(event, position, .duplicate, .duplicateReversal, event.refundID, of: event.refundID)
        }
        facts.conversions[event.conversionID]?.refundedMinor -= event.amountMinor
        facts.refunds[event.refundKey]?.isReversed = true
        accept(event, position, conversion.affiliateID)
        steps.append(.refundReversal(event, position))
    }

    /// An order that comes twice is no event, but a sign: the fraud engine counts it for the affiliate that sent it.
    private mutating func noteRepeatedOrder(_ event: TrackingEvent, _ position: SourcePosition, _ currency: Currency) {
        guard let affiliateID = event.affiliateID, facts.parties[affiliateID]?.isActive == true else { return }
        steps.append(.repeatedOrder(event, position, affiliateID: affiliateID, currency))
    }

    // MARK: Outcomes

    private mutating func accept(_ event: TrackingEvent, _ position: SourcePosition, _ affiliateID: String) {
        outcomes[IntakeOutcome.accepted.rawValue, default: 0] += 1
        guard arrival == .fresh else {
            released.append((event, affiliateID))
            return
        }
        facts.events[event.monthKey] = event.contentHash
        intakes.append(
            TrackingSave.Intake(event: event, position: position, affiliateID: affiliateID, isParked: false))
    }

    private mutating func park(
        _ event: TrackingEvent, _ position: SourcePosition, _ payload: ArraySlice<UInt8>?, _ code: ReasonCode,
        measured: String
    ) {
        guard arrival != .overdue else { return refuse(event, position, .rejected, code, measured) }
        outcomes[IntakeOutcome.parked.rawValue, default: 0] += 1
        parked.append(
            ParkedStore.Parked(
                event: event, position: position, code: code, payload: payload.map { Array($0) } ?? [],
                parkedAt: parkedAt))
        guard arrival == .fresh else { return }
        facts.events[event.monthKey] = event.contentHash
        intakes.append(
            TrackingSave.Intake(
                event: event, position: position, affiliateID: event.affiliateID ?? "", isParked: true))
    }

    private mutating func refuse(
        _ event: TrackingEvent, _ position: SourcePosition, _ outcome: IntakeOutcome, _ code: ReasonCode,
        _ measured: String, of duplicateOf: String? = nil
    ) {
        if arrival != .fresh { withdrawn.append(event) }
        except(
            IntakeException(
                position: position, outcome: outcome, code: code, identity: EventIdentity(event),
                duplicateOf: duplicateOf, measured: measured))
    }

    private mutating func except(_ exception: IntakeException) {
        outcomes[exception.outcome.rawValue, default: 0] += 1
        exceptions.append(exception)
    }

    private mutating func isActive(_ affiliateID: String, _ event: TrackingEvent, _ position: SourcePosition) -> Bool {
        switch facts.parties[affiliateID]?.isActive {
        case nil: refuse(event, position, .rejected, .affiliateUnknown, affiliateID)
        case false: refuse(event, position, .rejected, .affiliateBlocked, affiliateID)
        default: return true
        }
        return false
    }
}
