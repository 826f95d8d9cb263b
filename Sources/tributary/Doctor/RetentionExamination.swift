import Domain
import Postgres
import Storage

/// What the doctor says of months and of how long they are kept.
enum RetentionExamination {
    static func run(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) -> [HealthFinding] {
        let months = try MonthStore.all(in: transaction)
        let policies = try RetentionPolicyStore.all(in: transaction)
        let needed = try RetentionPolicyStore.attributionDays(in: transaction)
        return [ahead(months, at: now), overdue(months, at: now), clicks(policies[.click] ?? 0, needed: needed)]
    }

    /// A worker makes a month that it needs; but then its batch waits for that.
    private static func ahead(_ months: [MonthStore.Month], at now: Timestamp) -> HealthFinding {
        let next = RetentionRun.ahead(of: now)[1]
        let there = months.filter { $0.start.daysSinceEpoch == next }
        guard there.count < 2 else { return .fine("the months to come are made up to the next") }
        return .warning(
            "the month from \(CivilDate(daysSinceEpoch: next).text) is not made",
            fix: "let a scorer run, or run tributary retention apply")
    }

    private static func overdue(_ months: [MonthStore.Month], at now: Timestamp) -> HealthFinding {
        // A scorer drops them within the hour.
        let overdue = months.filter { $0.dueAt.adding(days: 1) <= now }
        guard let first = overdue.first else { return .fine("no month is kept longer than its policy says") }
        return .warning(
            "months are kept longer than their policy says: \(overdue.count), such as \(first.name)",
            fix: "let a scorer run, or run tributary retention apply")
    }

    private static func clicks(_ keepDays: Int32, needed: Int32) -> HealthFinding {
        guard keepDays < needed else { return .fine("clicks are kept for \(keepDays) days, \(needed) are needed") }
        return .fault(
            "clicks are kept for \(keepDays) days, and conversions may name them for \(needed)",
            fix: "run tributary retention set click \(needed)")
    }
}
