public import Domain
public import Postgres

/// What people set while the fleet runs.
public enum SettingStore {
    /// A setting with who set it last; nil: nobody did.
    public struct Row: Hashable, Sendable {
        public let setting: FleetSetting
        public let value: Int64
        public let changedBy: String?
        public let changedAt: Timestamp?
    }

    /// All of them, in the order of their declaration.
    public static func all(in transaction: borrowing Transaction) throws(PostgresError) -> [Row] {
        let stored = try transaction.query("SELECT name, value, changed_by, changed_at FROM setting") {
            row throws(PostgresError) in
            (
                name: try row.text(0), value: try row.int8(1), by: try row.text(2),
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(3))
            )
        }
        return FleetSetting.allCases.map { setting in
            let row = stored.first { $0.name == setting.rawValue }
            return Row(
                setting: setting, value: row?.value ?? setting.standard, changedBy: row?.by, changedAt: row?.at)
        }
    }

    public static func value(
        of setting: FleetSetting, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64 {
        try transaction.query("SELECT value FROM setting WHERE name = $1", .text(setting.rawValue)) {
            row throws(PostgresError) in try row.int8(0)
        }.first ?? setting.standard
    }

    /// - Parameter value: in the setting's range.
    public static func set(
        _ setting: FleetSetting, to value: Int64, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        precondition(setting.range.contains(value), "a setting beyond its range")
        try transaction.run(
            """
            INSERT INTO setting (name, value, changed_by, changed_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by,
                changed_at = excluded.changed_at
            """, .text(setting.rawValue), .int8(value), .text(actor), .moment(now))
    }
}
