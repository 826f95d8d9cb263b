public import Domain
public import Postgres

/// A provider's object as fetched from the provider; a webhook's payload is never one.
public struct ProviderObservation: Hashable, Sendable {
    public let operation: PayoutOperation
    public let objectID: String
    /// The connected account that it moved money to or from.
    public let account: String
    public let amount: Money?
    /// The payout and attempt that we named when we made it; nil for an object that somebody else made.
    public let reference: AttemptReference?
    /// nil for a transfer, which has no status.
    public let status: ProviderStatus?
    public let failureCode: String?
    public let arrivalAt: Timestamp?
    /// The provider keeps no name of ours: an object that is not known here may answer a request whose reply is lost.
    public let isAnonymous: Bool
    /// Of the mode that our keys are not of.
    public let isOfOtherMode: Bool
    /// What the provider kept of it; nil: not said.
    public let feeMinor: Int64?
    /// What was taken back of a transfer; minor units.
    public let reversedMinor: Int64
    /// When it was asked for: what happened here since then, it cannot know.
    public let observedAt: Timestamp

    public init(
        operation: PayoutOperation, objectID: String, account: String, amount: Money?, reference: AttemptReference?,
        status: ProviderStatus?, failureCode: String?, arrivalAt: Timestamp?, observedAt: Timestamp,
        isAnonymous: Bool = false, isOfOtherMode: Bool = false, feeMinor: Int64? = nil, reversedMinor: Int64 = 0
    ) {
        self.operation = operation
        self.objectID = objectID
        self.account = account
        self.amount = amount
        self.reference = reference
        self.status = status
        self.failureCode = failureCode
        self.arrivalAt = arrivalAt
        self.observedAt = observedAt
        self.isAnonymous = isAnonymous
        self.isOfOtherMode = isOfOtherMode
        self.feeMinor = feeMinor
        self.reversedMinor = reversedMinor
    }
}

/// The name of an attempt as a provider keeps it in its object's metadata.
public struct AttemptReference: Hashable, Sendable {
    public let payoutID: Identifier
    public let number: Int32

    public init(payoutID: Identifier, number: Int32) {
        self.payoutID = payoutID
        self.number = number
    }
}

/// What an observation changed.
public enum ObservationResult: Hashable, Sendable {
    case moved(to: PayoutState)
    case unchanged
    case broken(ReconciliationBreak.Kind)
}

extension PayoutStore {
    /// Applies what a provider says about one of its objects: binds a lost reply to its attempt, then moves the payout
    /// forward. Anything that contradicts our books becomes a break and changes nothing.
    ///
    /// - Parameter source: `webhook`, `poll` or `search`.
    public static func apply(
        _ observation: ProviderObservation, source: String, at now: Timestamp,
        makeAttempt: PayoutAttemptStore.AttemptMaker, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ObservationResult {
        guard let payoutID = try payoutID(of: observation, in: transaction),
            let payout = try lock([payoutID], in: transaction).first,
            let attempt = try attempt(of: observation, in: transaction)
        else {
            // Whose reply is still to come gets it by sending again; then the object is known.
            if observation.isAnonymous, try mayBeAwaited(observation, at: now, in: transaction) { return .unchanged }
            return try open(
                .missingInLedger, nil, observation, "no attempt of ours made it", at: now, in: transaction)
        }
        if let fee = observation.feeMinor, fee != 0, !observation.isOfOtherMode {
            // The payout goes on all the same.
            _ = try open(.feeMismatch, payout, observation, "0 here, \(fee) there", at: now, in: transaction)
        }
        if let contradiction = contradiction(of: observation, to: attempt) {
            return try open(
                contradiction.kind, payout, observation, contradiction.detail, at: now, in: transaction)
        }
        var current = payout
        if attempt.state != "accepted" {
            guard [.submitting, .unknown, .manual].contains(payout.state) else {
                return try open(
                    .missingInLedger, payout, observation, "the payout is \(payout.state.rawValue)", at: now,
                    in: transaction)
            }
            current = try PayoutAttemptStore.accept(
                attempt.attemptID, request: attempt.request, of: payout, objectID: observation.objectID, actor: source,
                at: now, makeAttempt: makeAttempt, in: transaction)
        }
        guard let status = observation.status else {
            return attempt.state == "accepted" ? .unchanged : .moved(to: current.state)
        }
        return try follow(status, of: observation, from: current, source: source, at: now, in: transaction)
    }

    private static func follow(
        _ status: ProviderStatus, of observation: ProviderObservation, from payout: PayoutRecord, source: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ObservationResult {
        switch StatusEffect(observing: status, in: payout.state) {
        case .nothing: return .unchanged
        // The payout moved while the answer travelled: an old answer, not a step back.
        case .regression where payout.updatedAt >= observation.observedAt,
            .mismatch where payout.updatedAt >= observation.observedAt:
            return .unchanged
        case .regression, .mismatch:
            let isOver = StatusEffect(observing: status, in: payout.state) == .mismatch
            return try open(
                isOver ? .statusMismatch : .statusRegression, payout, observation,
                "\(payout.state.rawValue) here, \(status.rawValue) there",
                at: now, in: transaction)
        case .move(let target):
            try move(
                [
                    PayoutMove(
                        payout, to: target, evidence: observation.objectID, failureCode: observation.failureCode,
                        arrivalAt: observation.arrivalAt)
                ], actor: source, at: now, in: transaction)
            if target == .failed || target == .returned {
                let code = observation.failureCode ?? "unknown"
                if DeclineCause(failureCode: code) == .destination {
                    try PayoutAttemptStore.block(payout, code: code, in: transaction)
                }
            }
            if payout.state == .final {
                _ = try open(.lateReturn, payout, observation, "returned after its window", at: now, in: transaction)
            }
            return .moved(to: target)
        }
    }

    private static func contradiction(
        of observation: ProviderObservation, to attempt: ObservedAttempt
    ) -> (kind: ReconciliationBreak.Kind, detail: String)? {
        if observation.isOfOtherMode { return (.livemodeMismatch, "another mode here") }
        if observation.reversedMinor != 0 {
            return (.unexpectedReversal, "\(observation.reversedMinor) taken back there")
        }
        if attempt.state == "declined" || attempt.state == "prepared" {
            return (.duplicateAtProvider, "\(attempt.state) here, an object there")
        }
        if let objectID = attempt.objectID, objectID != observation.objectID {
            return (.duplicateAtProvider, "our object is \(objectID)")
        }
        if let amount = observation.amount, amount.currency != attempt.request.amount.currency {
            return (.currencyMismatch, "\(attempt.request.amount.currency.code) here")
        }
        if observation.amount != attempt.request.amount {
            return (.amountMismatch, "\(attempt.request.amount.decimal) here")
        }
        if observation.account != attempt.request.account {
            return (.destinationMismatch, "\(attempt.request.account) here")
        }
        return nil
    }

    private static func open(
        _ kind: ReconciliationBreak.Kind, _ payout: PayoutRecord?, _ observation: ProviderObservation,
        _ detail: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ObservationResult {
        let affiliateID =
            if let payout { payout.affiliateID } else { try owner(of: observation.account, in: transaction) }
        try BreakStore.open(
            [
                ReconciliationBreak(
                    kind: kind, payoutID: payout?.payoutID, objectID: observation.objectID, detail: detail,
                    affiliateID: affiliateID,
                    amount: observation.amount)
            ], at: now, in: transaction)
        return .broken(kind)
    }

    /// Whose account it is; empty if nobody's.
    private static func owner(
        of account: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> String {
        guard !account.isEmpty else { return "" }
        return try transaction.query(
            """
            SELECT affiliate_id FROM affiliate WHERE provider_account = $1
            UNION ALL SELECT affiliate_id FROM payout WHERE destination = $1 LIMIT 1
            """, .text(account)
        ) { row in try row.text(0) }.first ?? ""
    }

    private static func payoutID(
        of observation: ProviderObservation, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Identifier? {
        try transaction.query(
            """
            SELECT payout_id FROM payout_attempt WHERE provider_object_id = $1 OR idempotency_key = $2
            UNION ALL
            SELECT payout_id FROM payout_resolution WHERE provider_object_id = $1 AND confirmed_at IS NOT NULL
            LIMIT 1
            """, .text(observation.objectID), .optionalText(observation.key)
        ) { row in try row.identifier(0) }.first
    }

    /// Whether a request was sent that could have made the object, and whose outcome is open. While its answer is to
    /// come, by its reply or by its next send, the object may be of any amount: then it is known, and compared. The
    /// provider's list brings up again what was not the answer, but not for ever: so this ends a day after the first
    /// send.
    private static func mayBeAwaited(
        _ observation: ProviderObservation, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        guard let amount = observation.amount else { return false }
        return try transaction.query(
            """
            SELECT 1 FROM payout_attempt
            WHERE account = $1 AND operation = $2 AND state IN ('sending', 'unknown')
                AND ((next_send_at > $5::timestamptz - interval '1 minute' AND first_sent_at > $5 - interval '1 day')
                    OR (amount_minor = $3 AND currency = $4))
            LIMIT 1
            """, .text(observation.account), .text(observation.operation.rawValue), .int8(amount.minorUnits),
            .text(amount.currency.code), .moment(now)
        ) { row in try row.int4(0) }.first != nil
    }

    /// Read after the payout is locked, so nobody closes it meanwhile.
    private static func attempt(
        of observation: ProviderObservation, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ObservedAttempt? {
        try transaction.query(
            """
            SELECT payout_attempt_id, state, provider_object_id, payout_id, attempt_number, provider, account,
                request_path, request_body, amount_minor, currency
            FROM payout_attempt a WHERE operation = $3 AND (provider_object_id = $1 OR idempotency_key = $2
                OR (state = 'unknown' AND EXISTS (
                    SELECT FROM payout_resolution r WHERE r.payout_id = a.payout_id AND r.provider_object_id = $1
                        AND r.confirmed_at IS NOT NULL)))
            ORDER BY provider_object_id = $1 DESC NULLS LAST, idempotency_key = $2 DESC NULLS LAST
            LIMIT 1 FOR UPDATE
            """, .text(observation.objectID), .optionalText(observation.key), .text(observation.operation.rawValue)
        ) { row in
            ObservedAttempt(
                attemptID: try row.int8(0), state: try row.text(1), objectID: try row.textOrNull(2),
                request: NewAttempt(
                    payoutID: try row.identifier(3), operation: observation.operation, number: try row.int4(4),
                    provider: try row.text(5), account: try row.text(6), requestPath: try row.text(7),
                    requestBody: try row.bytes(8),
                    amount: Money(minorUnits: try row.int8(9), currency: try row.currency(10))))
        }.first
    }
}

private struct ObservedAttempt {
    let attemptID: Int64
    let state: String
    let objectID: String?
    let request: NewAttempt
}

extension ProviderObservation {
    fileprivate var key: String? {
        reference.map { operation.key(payoutID: $0.payoutID, number: $0.number) }
    }
}
