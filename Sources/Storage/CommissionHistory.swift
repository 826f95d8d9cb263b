public import Domain
public import Postgres

/// A change of a commission after it was recorded.
public struct CommissionChange: Hashable, Sendable {
    public let commissionID: Identifier
    public let from: CommissionStatus
    /// The same as before where only the amount changed.
    public let to: CommissionStatus
    /// Minor units taken back; negative: given back.
    public let amountMinor: Int64
    /// A worker's group or a console user.
    public let actor: String
    public let reason: String
    /// The ledger transaction of the change; nil where no money moved.
    public let transactionID: Identifier?

    public init(
        commissionID: Identifier, from: CommissionStatus, to: CommissionStatus, amountMinor: Int64 = 0, actor: String,
        reason: String, transactionID: Identifier? = nil
    ) {
        self.commissionID = commissionID
        self.from = from
        self.to = to
        self.amountMinor = amountMinor
        self.actor = actor
        self.reason = reason
        self.transactionID = transactionID
    }
}

/// What became of commissions, append-only.
public enum CommissionHistory {
    public static func append(
        _ changes: [CommissionChange], at moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !changes.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY commission_event (commission_id, from_status, to_status, amount_minor, actor, reason,
                transaction_id, at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for change in changes {
                rows.beginRow(columns: 8)
                rows.uuid(change.commissionID.value)
                rows.text(change.from.rawValue)
                rows.text(change.to.rawValue)
                rows.int8(change.amountMinor)
                rows.text(change.actor)
                rows.text(change.reason)
                rows.uuidOrNull(change.transactionID?.value)
                rows.timestamp(moment.microsecondsSinceEpoch)
            }
        }
    }
}
