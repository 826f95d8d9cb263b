public import Domain
public import Postgres

/// An IP address in one hour of the clock.
public struct IPHour: Hashable, Comparable, Sendable {
    public let ip: String
    /// The start of the hour, UTC.
    public let hour: Timestamp

    public init(ip: String, occurredAt: Timestamp) {
        self.ip = ip
        hour = occurredAt.startOfHour
    }

    public static func < (left: IPHour, right: IPHour) -> Bool { (left.ip, left.hour) < (right.ip, right.hour) }
}

/// What the rules said about one conversion.
public struct JudgedConversion: Sendable {
    public let conversionID: Identifier
    public let affiliateID: String
    public let verdict: FraudVerdict
    public let codes: [ReasonCode]

    public init(conversionID: Identifier, affiliateID: String, verdict: FraudVerdict, codes: [ReasonCode]) {
        self.conversionID = conversionID
        self.affiliateID = affiliateID
        self.verdict = verdict
        self.codes = codes
    }
}

/// A reason against an affiliate: there is one open flag per reason.
public struct FlagKey: Hashable, Comparable, Sendable {
    public let affiliateID: String
    public let code: ReasonCode

    public init(affiliateID: String, code: ReasonCode) {
        self.affiliateID = affiliateID
        self.code = code
    }

    public static func < (left: FlagKey, right: FlagKey) -> Bool {
        (left.affiliateID, left.code.rawValue) < (right.affiliateID, right.code.rawValue)
    }
}

/// What is added to an open flag.
public struct FlagHits: Sendable {
    public let key: FlagKey
    /// 1 or more.
    public let occurrences: Int64
    /// The worst that was measured, in words.
    public let measured: String

    public init(key: FlagKey, occurrences: Int64, measured: String) {
        self.key = key
        self.occurrences = occurrences
        self.measured = measured
    }
}

/// Counters, verdicts and flags of the fraud rules.
public enum FraudStore {
    /// Adds conversions to the counters of their IP addresses and hours.
    ///
    /// Counters are added to, never set, and stay locked until the transaction ends: workers that count the same
    /// address at the same time wait for each other and never give out a number twice.
    ///
    /// - Returns: the counters before the addition.
    public static func count(
        _ conversions: [IPHour: Int64], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [IPHour: Int64] {
        guard !conversions.isEmpty else { return [:] }
        let added = conversions.sorted { $0.key < $1.key }
        let totals = try transaction.query(
            """
            INSERT INTO fraud_ip_hour AS f (ip, hour, conversions)
            SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::int4[])
            ON CONFLICT (ip, hour) DO UPDATE SET conversions = f.conversions + excluded.conversions
            RETURNING ip, hour, conversions
            """, .texts(added.map(\.key.ip)), .timestamps(added.map(\.key.hour.microsecondsSinceEpoch)),
            .int4s(added.map { Int32(clamping: $0.value) })
        ) { row in
            let hour = Timestamp(microsecondsSinceEpoch: try row.timestamp(1))
            return (IPHour(ip: try row.text(0), occurredAt: hour), try row.int8(2))
        }
        return Dictionary(uniqueKeysWithValues: totals.map { ($0.0, $0.1 - (conversions[$0.0] ?? 0)) })
    }

    /// Records verdicts; a conversion that has one keeps it.
    public static func save(
        _ conversions: [JudgedConversion], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !conversions.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO fraud_conversion (conversion_id, affiliate_id, verdict, codes, judged_at)
            SELECT c.conversion_id, c.affiliate_id, c.verdict, c.codes::int4[], $5
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                AS c (conversion_id, affiliate_id, verdict, codes)
            ON CONFLICT (conversion_id) DO NOTHING
            """, .uuids(conversions.map(\.conversionID.value)), .texts(conversions.map(\.affiliateID)),
            .texts(conversions.map(\.verdict.rawValue)), .texts(conversions.map(arrayLiteral)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// An array of arrays has no parameter type, since theirs differ in length.
    private static func arrayLiteral(_ conversion: JudgedConversion) -> String {
        "{" + conversion.codes.map { String($0.rawValue) }.joined(separator: ",") + "}"
    }

    /// Opens flags, or adds to those that are open.
    ///
    /// - Parameter hits: at most one per affiliate and code.
    /// - Returns: the occurrences on each open flag, these ones included.
    public static func raise(
        _ hits: [FlagHits], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FlagKey: Int64] {
        guard !hits.isEmpty else { return [:] }
        let hits = hits.sorted { $0.key < $1.key }
        let totals = try transaction.query(
            """
            INSERT INTO fraud_flag AS f (affiliate_id, code, occurrences, measured, opened_at, last_seen_at)
            SELECT h.affiliate_id, h.code, h.occurrences, h.measured, $5, $5
            FROM unnest($1::text[], $2::int4[], $3::int8[], $4::text[])
                AS h (affiliate_id, code, occurrences, measured)
            ON CONFLICT (affiliate_id, code) WHERE status = 'open' DO UPDATE
            SET occurrences = f.occurrences + excluded.occurrences, measured = excluded.measured, last_seen_at = $5
            RETURNING affiliate_id, code, occurrences
            """, .texts(hits.map(\.key.affiliateID)), .int4s(hits.map(\.key.code.rawValue)),
            .int8s(hits.map(\.occurrences)), .texts(hits.map(\.measured)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row in
            guard let code = ReasonCode(rawValue: try row.int4(1)) else {
                throw PostgresError(code: .decoding, message: "a stored reason code is unknown")
            }
            return (FlagKey(affiliateID: try row.text(0), code: code), try row.int8(2))
        }
        return Dictionary(uniqueKeysWithValues: totals)
    }

    /// The verdicts of affiliates; those that are not registered are missing in the answer.
    public static func verdicts(
        of affiliateIDs: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: FraudVerdict] {
        let verdicts = try transaction.query(
            "SELECT affiliate_id, fraud_verdict FROM affiliate WHERE affiliate_id = ANY ($1::text[])",
            .texts(affiliateIDs)
        ) { row in
            // An unknown verdict must not pay: the strictest stands in for it.
            (try row.text(0), FraudVerdict(rawValue: try row.text(1)) ?? .hold)
        }
        return Dictionary(uniqueKeysWithValues: verdicts)
    }

    /// Makes the verdicts of affiliates worse; a better one than the stored is ignored, as only a person releases.
    public static func worsen(
        _ verdicts: [String: FraudVerdict], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !verdicts.isEmpty else { return }
        let verdicts = verdicts.sorted { $0.key < $1.key }
        try transaction.run(
            """
            UPDATE affiliate a SET fraud_verdict = v.verdict
            FROM unnest($1::text[], $2::text[]) AS v (affiliate_id, verdict)
            WHERE a.affiliate_id = v.affiliate_id
                AND array_position(ARRAY['clear', 'review', 'hold'], a.fraud_verdict)
                    < array_position(ARRAY['clear', 'review', 'hold'], v.verdict)
            """, .texts(verdicts.map(\.key)), .texts(verdicts.map(\.value.rawValue)))
    }
}
