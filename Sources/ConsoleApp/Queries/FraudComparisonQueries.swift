import Domain
import Postgres
import Storage

/// Up to when an affiliate is looked at: as far back as the engine's longest window.
struct FraudWindow: Sendable {
    static let days: Int32 = 28
    /// Orders that are compared, the newest.
    static let ordersMaximum: Int64 = 100_000

    let affiliateID: String
    let through: Int32

    var first: Int32 { through - FraudWindow.days + 1 }
    var from: PostgresValue { .timestamp(microsecondsSinceEpoch: Int64(first) * 86_400_000_000) }
    var before: PostgresValue { .timestamp(microsecondsSinceEpoch: (Int64(through) + 1) * 86_400_000_000) }
}

/// The rate that a kind of case is about, day by day.
enum FraudRate: String, Sendable {
    case soon, late, sharedDevices, rivalDevices, sameAddress, offMarket, nearLimit, returned, night, converted

    /// - Parameter code: of the strongest signal.
    init(kind: String, code: Int32) {
        let signal = ReasonCode(rawValue: code).flatMap { FraudSignal($0) }
        switch FraudSignal.Family(rawValue: kind) {
        case .timing: self = [.slowOrders, .dayLateOrders].contains(signal) ? .late : .soon
        case .identity: self = .sharedDevices
        case .ring: self = .rivalDevices
        case .network: self = .sameAddress
        case .geography: self = .offMarket
        case .money: self = .nearLimit
        case .outcome: self = .returned
        case .rhythm: self = .night
        case .clicks, nil: self = .converted
        }
    }

    /// What it counts; "share of" and this make a title.
    var words: String {
        switch self {
        case .soon: "orders within a minute of their click"
        case .late: "orders more than a day after their click"
        case .sharedDevices: "orders from devices on which several customers bought"
        case .rivalDevices: "orders from devices that buy through several affiliates"
        case .sameAddress: "orders from an IP address that ordered through the same affiliate before or after"
        case .offMarket: "orders from outside the programme's markets"
        case .nearLimit: "orders at most a tenth below the limit of automatic approval"
        case .returned: "orders that were refunded or charged back"
        case .night: "orders between 1 and 6 at night where the buyer is"
        case .converted: "clicks that led to an order"
        }
    }
}

extension FraudComparison {
    /// Ten bins up to the limit, and five behind it.
    private static let amountBins = 16

    private struct Count {
        let what: String
        let isOwn: Bool
        let bin: Int
        let count: Int64
    }

    /// - Returns: nil for a programme that is none.
    static func load(
        _ window: FraudWindow, programID: String, _ rate: FraudRate, in transaction: borrowing Transaction
    ) throws(PostgresError) -> FraudComparison? {
        guard let program = try ProgramStore.program(programID, in: transaction) else { return nil }
        // What nobody described has no limit that somebody could aim at.
        let limit = program.autoRegistered || program.autoApproveLimitMinor <= 0 ? nil : program.autoApproveLimitMinor
        let width: Int64
        if let limit {
            width = max(1, limit / 10)
        } else {
            width = try amountWidth(window, program, in: transaction)
        }
        var counts = try counts(window, program, rate, width: width, in: transaction)
        if rate == .converted { counts += try conversions(window, programID, in: transaction) }
        let orders = counts.filter { $0.what == "hours" }.reduce(0) { $0 + $1.count }
        return FraudComparison(
            programId: programID, currency: program.currency, from: CivilDate(daysSinceEpoch: window.first).text,
            to: CivilDate(daysSinceEpoch: window.through).text, orders: orders, timeEdges: DayCell.timeEdges,
            clickToOrder: histogram("times", bins: DayCell.timeEdges.count + 1, counts),
            hours: histogram("hours", bins: 24, counts), amountWidthMinor: width,
            amounts: histogram("amounts", bins: amountBins, counts), autoApproveLimitMinor: limit, rate: rate.words,
            days: days(window, counts))
    }

    private static func histogram(_ what: String, bins: Int, _ counts: [Count]) -> Histogram {
        func side(_ isOwn: Bool) -> [Int64] {
            var side = [Int64](repeating: 0, count: bins)
            for count in counts where count.what == what && count.isOwn == isOwn && side.indices.contains(count.bin) {
                side[count.bin] += count.count
            }
            return side
        }
        return Histogram(own: side(true), others: side(false))
    }

    private static func days(_ window: FraudWindow, _ counts: [Count]) -> [Day] {
        var days = (window.first...window.through).map { Day(day: CivilDate(daysSinceEpoch: $0).text) }
        for count in counts where days.indices.contains(count.bin) {
            switch (count.what, count.isOwn) {
            case ("of", true): days[count.bin].ownOf += count.count
            case ("of", false): days[count.bin].othersOf += count.count
            case ("rate", true): days[count.bin].own += count.count
            case ("rate", false): days[count.bin].others += count.count
            default: break
            }
        }
        return days
    }

    /// A tenth of what all but a few orders stay below.
    private static func amountWidth(
        _ window: FraudWindow, _ program: ProgramTerms, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64 {
        try transaction.query(
            """
            SELECT COALESCE(percentile_disc(0.9) WITHIN GROUP (ORDER BY amount_minor), 0) FROM (
                SELECT amount_minor FROM conversion
                WHERE program_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND currency = $4 LIMIT $5) AS o
            """, .text(program.programId), window.from, window.before, .text(program.currency),
            .int8(FraudWindow.ordersMaximum)
        ) { row throws(PostgresError) in max(1, try row.int8(0) / 10) }.first ?? 1
    }

    /// Everything that is counted of orders, in one look at them.
    private static func counts(
        _ window: FraudWindow, _ program: ProgramTerms, _ rate: FraudRate, width: Int64,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Count] {
        let zones = FraudEvent.timeZones
        return try transaction.query(
            """
            WITH orders AS MATERIALIZED (
                SELECT conversion_id, affiliate_id, affiliate_id = $1 AS is_own, device_id, customer_id, ip, currency,
                    amount_minor, country, (occurred_at AT TIME ZONE 'UTC')::date - $13::date AS day,
                    CASE WHEN click_at <= occurred_at THEN floor(extract(epoch FROM occurred_at - click_at)) END
                        AS seconds,
                    ((floor(extract(epoch FROM occurred_at) / 60)::int8 + COALESCE(z.minutes, 0)) / 60 % 24)::int4
                        AS hour
                FROM conversion LEFT JOIN unnest($7::text[], $8::int4[]) AS z (country, minutes) USING (country)
                WHERE program_id = $2 AND occurred_at >= $3 AND occurred_at < $4 AND NOT is_test
                ORDER BY occurred_at DESC LIMIT $5),
            devices AS (
                SELECT device_id, count(DISTINCT customer_id) > 1 AS is_shared,
                    count(DISTINCT affiliate_id) > 1 AS is_rival
                FROM orders WHERE device_id IS NOT NULL AND $9 IN ('sharedDevices', 'rivalDevices') GROUP BY 1),
            addresses AS (
                SELECT affiliate_id, ip FROM orders WHERE ip IS NOT NULL AND $9 = 'sameAddress'
                GROUP BY 1, 2 HAVING count(*) > 1),
            rated AS (
                SELECT o.is_own, o.day, CASE $9
                    WHEN 'soon' THEN seconds < 60 WHEN 'late' THEN seconds >= 86400
                    WHEN 'sharedDevices' THEN COALESCE(d.is_shared, false)
                    WHEN 'rivalDevices' THEN COALESCE(d.is_rival, false)
                    WHEN 'sameAddress' THEN a.ip IS NOT NULL
                    WHEN 'offMarket' THEN CASE WHEN cardinality($10::text[]) > 0 THEN country <> ALL ($10) END
                    WHEN 'nearLimit' THEN CASE WHEN $11 > 0 AND o.currency = $12
                        THEN amount_minor >= $11 - $11 / 10 AND amount_minor < $11 END
                    WHEN 'returned' THEN EXISTS (SELECT FROM refund r WHERE r.conversion_id = o.conversion_id)
                    WHEN 'night' THEN hour BETWEEN 1 AND 5 END AS counts
                FROM orders o LEFT JOIN devices d USING (device_id)
                LEFT JOIN addresses a ON a.affiliate_id = o.affiliate_id AND a.ip = o.ip)
            SELECT 'times', is_own, width_bucket(seconds::float8, $6::float8[])::int4, count(*) FROM orders
            WHERE seconds IS NOT NULL GROUP BY 2, 3
            UNION ALL SELECT 'hours', is_own, hour, count(*) FROM orders GROUP BY 2, 3
            UNION ALL SELECT 'amounts', is_own, LEAST(amount_minor / $14, $15)::int4, count(*) FROM orders
            WHERE currency = $12 GROUP BY 2, 3
            UNION ALL SELECT 'of', is_own, day, count(*) FROM rated WHERE counts IS NOT NULL GROUP BY 2, 3
            UNION ALL SELECT 'rate', is_own, day, count(*) FROM rated WHERE counts GROUP BY 2, 3
            """, .text(window.affiliateID), .text(program.programId), window.from, window.before,
            .int8(FraudWindow.ordersMaximum), .float8s(DayCell.timeEdges.map { Double($0) }),
            .texts(zones.map(\.country)), .int4s(zones.map(\.minutes)), .text(rate.rawValue),
            .texts(program.mainMarkets), .int8(program.autoApproveLimitMinor), .text(program.currency),
            .date(daysSinceEpoch: window.first), .int8(width), .int8(Int64(amountBins - 1)), decode: count)
    }

    private static func conversions(
        _ window: FraudWindow, _ programID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Count] {
        try transaction.query(
            """
            WITH days AS (
                SELECT affiliate_id = $1 AS is_own, day - $3::date AS day, sum(clicks)::int8 AS clicks,
                    sum(conversions)::int8 AS conversions
                FROM affiliate_day WHERE program_id = $2 AND day BETWEEN $3 AND $4 GROUP BY 1, 2)
            SELECT 'of', is_own, day, clicks FROM days
            UNION ALL SELECT 'rate', is_own, day, LEAST(conversions, clicks) FROM days
            """, .text(window.affiliateID), .text(programID), .date(daysSinceEpoch: window.first),
            .date(daysSinceEpoch: window.through), decode: count)
    }

    private static func count(_ row: borrowing Row) throws(PostgresError) -> Count {
        Count(
            what: try row.text(0), isOwn: try row.bool(1), bin: Int(try row.int4(2)), count: try row.int8(3))
    }
}

extension DeviceUse {
    /// Devices that are shown, those with the most customers and affiliates.
    private static let devicesMaximum: Int64 = 8
    private static let usesMaximum: Int64 = 60

    static func load(
        _ window: FraudWindow, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [DeviceUse] {
        try transaction.query(
            """
            WITH own AS (
                SELECT DISTINCT device_id FROM conversion
                WHERE affiliate_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND device_id IS NOT NULL),
            uses AS (
                SELECT device_id, COALESCE(customer_id, '') AS customer_id, affiliate_id, count(*) AS orders
                FROM conversion JOIN own USING (device_id)
                WHERE occurred_at >= $2 AND occurred_at < $3 AND NOT is_test GROUP BY 1, 2, 3),
            shared AS (
                SELECT device_id, count(DISTINCT customer_id) + count(DISTINCT affiliate_id) AS size FROM uses
                GROUP BY 1 HAVING count(DISTINCT NULLIF(customer_id, '')) > 1 OR count(DISTINCT affiliate_id) > 1
                ORDER BY 2 DESC, 1 LIMIT $4)
            SELECT device_id, customer_id, affiliate_id, orders FROM uses JOIN shared USING (device_id)
            ORDER BY size DESC, device_id, affiliate_id <> $1, affiliate_id, orders DESC, customer_id LIMIT $5
            """, .text(window.affiliateID), window.from, window.before, .int8(devicesMaximum), .int8(usesMaximum)
        ) { row throws(PostgresError) in
            let affiliateID = try row.text(2)
            return DeviceUse(
                device: Masked.text(try row.text(0)), customer: Masked.text(try row.text(1)),
                affiliateId: affiliateID, isOwn: affiliateID == window.affiliateID, orders: try row.int8(3))
        }
    }
}

/// An identifier of a person's, shortened: enough to tell it from others.
enum Masked {
    static func text(_ text: String) -> String {
        guard !text.isEmpty else { return "unnamed" }
        let hash = FraudHash.of(text)
        let end = String(hash % 0xFFFF, radix: 16)
        return String(text.prefix(text.count > 6 ? 3 : 1)) + "…" + end
    }
}
