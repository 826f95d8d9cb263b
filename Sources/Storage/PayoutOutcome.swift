public import Domain
public import Postgres

/// What the recording of a provider's outcome changed.
public enum RecordedOutcome: Hashable, Sendable {
    case recorded(PayoutState)
    /// The attempt has another owner by now, or was closed by proof from elsewhere: nothing was written.
    case superseded
}

extension PayoutAttemptStore {
    /// Makes the bytes of a payout's next attempt.
    public typealias AttemptMaker = @Sendable (PayoutRecord, PayoutOperation, _ number: Int32, Money) -> NewAttempt

    /// Writes what a send proved, and what follows from it: the bank payout behind an accepted transfer, a new attempt
    /// behind a decline that may be tried again, a failed payout behind any other.
    ///
    /// - Parameter answer: what is kept of the reply beside its outcome; nil when there was none.
    public static func record(
        _ outcome: ProviderOutcome, of attempt: ClaimedAttempt, answer: ProviderAnswer?, schedule: PayoutSchedule,
        at now: Timestamp, makeAttempt: AttemptMaker, in transaction: borrowing Transaction
    ) throws(PostgresError) -> RecordedOutcome {
        guard let payout = try PayoutStore.lock([attempt.request.payoutID], in: transaction).first,
            try fence(attempt, outcome, answer: answer, in: transaction)
        else { return .superseded }
        switch outcome {
        case .accepted(let objectID):
            return .recorded(
                try accept(
                    attempt.attemptID, request: attempt.request, of: payout, objectID: objectID, actor: "payer",
                    at: now,
                    makeAttempt: makeAttempt, in: transaction
                ).state)
        case .declined(let cause, let code):
            return .recorded(
                try decline(
                    attempt, of: payout, cause: cause, code: code, schedule: schedule, at: now,
                    makeAttempt: makeAttempt, in: transaction
                ).state)
        case .unknown(let reason):
            return .recorded(
                try keepOpen(attempt, of: payout, reason: reason, schedule: schedule, at: now, in: transaction).state)
        case .nothingLearned(let reason):
            guard attempt.isFirstSend else {
                return .recorded(
                    try keepOpen(attempt, of: payout, reason: reason, schedule: schedule, at: now, in: transaction)
                        .state)
            }
            try putBack(
                attempt, delaySeconds: schedule.retryDelaySeconds(afterSends: attempt.sendCount), at: now,
                in: transaction)
            return .recorded(payout.state)
        case .misconfigured:
            return .recorded(try suspend(attempt, of: payout, schedule: schedule, at: now, in: transaction).state)
        case .drifted:
            return .recorded(try freeze(attempt, of: payout, at: now, in: transaction))
        }
    }

    /// Only the owner under the current epoch may write the result of a send.
    private static func fence(
        _ attempt: ClaimedAttempt, _ outcome: ProviderOutcome, answer: ProviderAnswer?,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE payout_attempt
            SET http_status = $3, error_code = $4, provider_request_id = COALESCE($5, provider_request_id),
                error_type = $6, outcome = $7
            WHERE payout_attempt_id = $1 AND owner_epoch = $2 AND state = 'sending'
            """, .int8(attempt.attemptID), .int8(attempt.ownerEpoch),
            .optionalInt4(answer.map { Int32(clamping: $0.status) }), .optionalText(answer?.errorCode),
            .optionalText(answer?.requestID), .optionalText(answer?.errorType), .text(outcome.words)) == 1
    }

    /// Closes an attempt with the provider's object and takes the payout's next step.
    ///
    /// - Parameter payout: locked, in `submitting`, `unknown` or `manual`.
    static func accept(
        _ attemptID: Int64, request: NewAttempt, of payout: PayoutRecord, objectID: String, actor: String,
        at now: Timestamp, makeAttempt: AttemptMaker, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutRecord {
        _ = try transaction.run(
            """
            UPDATE payout_attempt
            SET state = 'accepted', provider_object_id = $2, next_send_at = NULL, owner_epoch = owner_epoch + 1
            WHERE payout_attempt_id = $1
            """, .int8(attemptID), .text(objectID))
        switch request.operation {
        case .payout:
            return try PayoutStore.move(
                [PayoutMove(payout, to: .submitted, evidence: objectID)], actor: actor, at: now, in: transaction)[0]
        case .transfer:
            try LedgerStore.append([transferred(request, of: payout)], in: transaction, at: now)
            let number = try nextNumber(of: .payout, for: payout, in: transaction)
            try insert([makeAttempt(payout, .payout, number, payout.amount)], sendAt: now, at: now, in: transaction)
            guard payout.state == .unknown || payout.state == .manual else { return payout }
            return try PayoutStore.move(
                [PayoutMove(payout, to: .submitting, evidence: objectID)], actor: actor, at: now, in: transaction)[0]
        }
    }

    private static func transferred(_ request: NewAttempt, of payout: PayoutRecord) -> LedgerTransaction {
        LedgerTransaction(
            key: "payout:\(payout.payoutID):transfer:\(request.number)", kind: "payout_transfer",
            inputHash: Identifier(
                hashing: payout.payoutID.description, String(request.amount.minorUnits), request.amount.currency.code),
            postings: payout.money.postingsForTransfer(amountMinor: request.amount.minorUnits))
    }

    private static func nextNumber(
        of operation: PayoutOperation, for payout: PayoutRecord, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int32 {
        let numbers = try transaction.query(
            """
            SELECT COALESCE(max(attempt_number), 0) + 1 FROM payout_attempt WHERE payout_id = $1 AND operation = $2
            """, .uuid(payout.payoutID.value), .text(operation.rawValue)
        ) { row in try row.int4(0) }
        return numbers.first ?? 1
    }

    private static func decline(
        _ attempt: ClaimedAttempt, of payout: PayoutRecord, cause: DeclineCause, code: String,
        schedule: PayoutSchedule, at now: Timestamp, makeAttempt: AttemptMaker, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutRecord {
        _ = try transaction.run(
            "UPDATE payout_attempt SET state = 'declined', next_send_at = NULL WHERE payout_attempt_id = $1",
            .int8(attempt.attemptID))
        let declined = try PayoutStore.move(
            [PayoutMove(payout, to: .declined, evidence: code, failureCode: code)], actor: "payer", at: now,
            in: transaction)[0]
        let request = attempt.request
        if cause == .retryLater, request.number < Int32(clamping: schedule.attemptsMaximum) {
            let next = makeAttempt(declined, request.operation, request.number + 1, request.amount)
            try insert(
                [next], sendAt: now.adding(seconds: schedule.newAttemptDelaySeconds), at: now, in: transaction)
            return try PayoutStore.move(
                [PayoutMove(declined, to: .reserved, evidence: "attempt \(next.number)")], actor: "payer", at: now,
                in: transaction)[0]
        }
        if cause == .destination { try block(payout, code: code, in: transaction) }
        return try PayoutStore.move(
            [PayoutMove(declined, to: .failed, evidence: code, failureCode: code)], actor: "payer", at: now,
            in: transaction)[0]
    }

    /// The affiliate's account took no money: nothing is sent there until its details change.
    static func block(
        _ payout: PayoutRecord, code: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            "UPDATE affiliate SET payout_block = $3 WHERE affiliate_id = $1 AND provider_account = $2",
            .text(payout.affiliateID), .text(payout.destination), .text(code))
    }

    /// The same key will be sent again; nobody knows yet whether money moved.
    private static func keepOpen(
        _ attempt: ClaimedAttempt, of payout: PayoutRecord, reason: String, schedule: PayoutSchedule,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutRecord {
        let next = now.adding(seconds: schedule.retryDelaySeconds(afterSends: attempt.sendCount))
        _ = try transaction.run(
            "UPDATE payout_attempt SET state = 'unknown', next_send_at = $2 WHERE payout_attempt_id = $1",
            .int8(attempt.attemptID), .moment(next))
        return try markUnknown([payout], evidence: reason, at: now, in: transaction)[0]
    }

    /// As if it had never been sent: its next send is its first, and the life of its key has not begun.
    private static func putBack(
        _ attempt: ClaimedAttempt, delaySeconds: Int64, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE payout_attempt
            SET state = 'prepared', next_send_at = $2, first_sent_at = NULL, key_expires_at = NULL
            WHERE payout_attempt_id = $1
            """, .int8(attempt.attemptID), .moment(now.adding(seconds: delaySeconds)))
    }

    private static func suspend(
        _ attempt: ClaimedAttempt, of payout: PayoutRecord, schedule: PayoutSchedule, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutRecord {
        guard attempt.isFirstSend else {
            return try keepOpen(
                attempt, of: payout, reason: "credentials refused", schedule: schedule, at: now, in: transaction)
        }
        try putBack(attempt, delaySeconds: schedule.leaseSeconds, at: now, in: transaction)
        return payout
    }

    private static func freeze(
        _ attempt: ClaimedAttempt, of payout: PayoutRecord, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutState {
        _ = try transaction.run(
            "UPDATE payout_attempt SET state = 'unknown', next_send_at = NULL WHERE payout_attempt_id = $1",
            .int8(attempt.attemptID))
        let evidence = "the provider holds other parameters under this key"
        let payouts = try markUnknown([payout], evidence: evidence, at: now, in: transaction)
        _ = try handOver(payouts, evidence: evidence, at: now, in: transaction)
        try BreakStore.open(
            [ReconciliationBreak(kind: .requestDrift, payoutID: payout.payoutID, objectID: "", detail: evidence)],
            at: now, in: transaction)
        return .manual
    }
}
