public import Domain
import Events
public import Postgres

/// What the scorer writes of refunds and corrections.
public enum RefundSave {
    public static func refunds(
        _ refunds: [TrackingSave.Refund], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !refunds.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY refund (refund_key, conversion_id, event_key, kind, amount_minor, currency, reversed_minor,
                occurred_at, transaction_id) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for refund in refunds {
                rows.beginRow(columns: 9)
                rows.uuid(refund.event.refundKey.value)
                rows.uuid(refund.event.conversionID.value)
                rows.uuid(refund.event.eventKey.value)
                rows.int2(refund.event.kind.rawValue)
                rows.int8(refund.event.amountMinor)
                rows.text(refund.currency.code)
                rows.int8(refund.reversedMinor)
                rows.timestamp(refund.event.occurredAt.microsecondsSinceEpoch)
                rows.uuidOrNull(refund.transactionID?.value)
            }
        }
    }

    public static func reversals(
        _ reversals: [TrackingSave.RefundReversal], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !reversals.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY refund_reversal (refund_key, conversion_id, event_key, restored_minor, transaction_id, occurred_at)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for reversal in reversals {
                rows.beginRow(columns: 6)
                rows.uuid(reversal.event.refundKey.value)
                rows.uuid(reversal.event.conversionID.value)
                rows.uuid(reversal.event.eventKey.value)
                rows.int8(reversal.restoredMinor)
                rows.uuidOrNull(reversal.transactionID?.value)
                rows.timestamp(reversal.event.occurredAt.microsecondsSinceEpoch)
            }
        }
    }

    /// Why a conversion is corrected.
    public enum CorrectionCause: Hashable, Sendable {
        case lateClick(Identifier)
        /// An accepted what-if.
        case replay(ruleCorrectionID: Int64)
    }

    /// Whom a conversion counts for from now on.
    public struct Correction: Sendable {
        public let conversionID: Identifier
        /// From 1.
        public let sequence: Int32
        public let cause: CorrectionCause
        public let fromAffiliateID: String
        public let toAffiliateID: String
        public let actor: String

        public init(
            conversionID: Identifier, sequence: Int32, cause: CorrectionCause, fromAffiliateID: String,
            toAffiliateID: String, actor: String
        ) {
            self.conversionID = conversionID
            self.sequence = sequence
            self.cause = cause
            self.fromAffiliateID = fromAffiliateID
            self.toAffiliateID = toAffiliateID
            self.actor = actor
        }

        /// The first of the commissions that a correction brings.
        ///
        /// - Parameter sequence: which correction of the conversion it is, from 1.
        public static func commissionID(of conversionID: Identifier, sequence: Int32) -> Identifier {
            Identifier(hashing: "commission", conversionID.description, String(sequence))
        }
    }

    /// Writes what was corrected.
    public static func corrections(
        _ corrections: [Correction], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !corrections.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY conversion_correction (conversion_id, sequence, kind, click_key, rule_correction_id,
                from_affiliate, to_affiliate, actor, recorded_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for correction in corrections {
                rows.beginRow(columns: 9)
                rows.uuid(correction.conversionID.value)
                rows.int4(correction.sequence)
                switch correction.cause {
                case .lateClick(let clickKey):
                    rows.text("late_click")
                    rows.uuid(clickKey.value)
                    rows.null()
                case .replay(let ruleCorrectionID):
                    rows.text("replay")
                    rows.null()
                    rows.int8(ruleCorrectionID)
                }
                rows.text(correction.fromAffiliateID)
                rows.text(correction.toAffiliateID)
                rows.text(correction.actor)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }
}
