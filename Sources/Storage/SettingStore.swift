public import Domain
import Events
public import Postgres

/// What people set while the fleet runs.
public enum SettingStore {
    /// A setting with who set it last; nil: nobody did.
    public struct Row: Hashable, Sendable {
        public let setting: FleetSetting
        /// Where it holds; nil: wherever nothing of its own is set.
        public let topic: String?
        public let value: Int64
        /// What holds until somebody sets it.
        public let standard: Int64
        public let changedBy: String?
        public let changedAt: Timestamp?
    }

    /// All of them, in the order of their declaration, each with those of its topics behind it.
    public static func all(in transaction: borrowing Transaction) throws(PostgresError) -> [Row] {
        let stored = try transaction.query(
            """
            SELECT name, NULL, value, changed_by, changed_at FROM setting
            UNION ALL SELECT name, topic, value, changed_by, changed_at FROM topic_setting
            """
        ) { row throws(PostgresError) in
            (
                name: try row.text(0), topic: try row.textOrNull(1), value: try row.int8(2), by: try row.text(3),
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(4))
            )
        }
        func row(_ setting: FleetSetting, of topic: String?, standard: Int64) -> Row {
            let row = stored.first { $0.name == setting.rawValue && $0.topic == topic }
            return Row(
                setting: setting, topic: topic, value: row?.value ?? standard, standard: standard, changedBy: row?.by,
                changedAt: row?.at)
        }
        return FleetSetting.allCases.flatMap { setting in
            let common = row(setting, of: nil, standard: setting.standard)
            let topics = setting.isPerTopic ? TopicName.all : []
            return [common] + topics.map { row(setting, of: $0, standard: common.value) }
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

    /// What holds for one topic alone; nil: what holds for all.
    public static func value(
        of setting: FleetSetting, topic: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64? {
        try transaction.query(
            "SELECT value FROM topic_setting WHERE name = $1 AND topic = $2", .text(setting.rawValue), .text(topic)
        ) { row throws(PostgresError) in try row.int8(0) }.first
    }

    /// - Parameter value: in the setting's range; nil: the topic has none of its own any more.
    public static func set(
        _ setting: FleetSetting, of topic: String, to value: Int64?, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        precondition(setting.isPerTopic, "a setting that no topic has")
        guard let value else {
            try transaction.run(
                "DELETE FROM topic_setting WHERE name = $1 AND topic = $2", .text(setting.rawValue), .text(topic))
            return
        }
        precondition(setting.range.contains(value), "a setting beyond its range")
        try transaction.run(
            """
            INSERT INTO topic_setting (name, topic, value, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name, topic) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by,
                changed_at = excluded.changed_at
            """, .text(setting.rawValue), .text(topic), .int8(value), .text(actor), .moment(now))
    }
}
