import DevKit
import Domain
import Postgres
import Storage
import Testing

@Suite("The database and the states of payouts")
struct PayoutGuardTests {
    @Test("The application's role moves a payout exactly as the table of states says, for every pair of states")
    func everyPair() async throws {
        try await Guarded.with { guarded in
            for from in PayoutState.allCases {
                for to in PayoutState.allCases where to != from {
                    let id = try await guarded.payout(in: from, attempt: to == .submitting ? "prepared" : nil)
                    let sqlState = await guarded.attack(
                        "UPDATE payout SET state = $2 WHERE payout_id = $1", id, [.text(to.rawValue)])
                    let isAllowed = PayoutState.canMove(from: from, to: to)
                    #expect(sqlState == (isAllowed ? nil : "23514"), "\(from.rawValue) to \(to.rawValue)")
                }
            }
        }
    }

    /// State of a payout and of its attempt, what is tried, and whether it goes through.
    static let attempts: [(PayoutState, attempt: String?, Attack, isAllowed: Bool)] = [
        (.reserved, nil, Attack("UPDATE payout SET state = 'submitting' WHERE payout_id = $1"), false),
        (.reserved, "prepared", Attack("UPDATE payout SET state = 'submitting' WHERE payout_id = $1"), true),
        (.reserved, "declined", Attack("UPDATE payout SET state = 'submitting' WHERE payout_id = $1"), false),
        (.reserved, "declined", Attack("UPDATE payout SET state = 'canceled' WHERE payout_id = $1"), false),
        (.submitting, "sending", Attack("UPDATE payout SET state = 'submitted' WHERE payout_id = $1"), false),
        (.submitting, "accepted", Attack("UPDATE payout SET state = 'submitted' WHERE payout_id = $1"), true),
        (.submitting, "sending", Attack("UPDATE payout SET state = 'declined' WHERE payout_id = $1"), false),
        (.unknown, "unknown", Attack("UPDATE payout SET state = 'declined' WHERE payout_id = $1"), false),
        (.unknown, "declined", Attack("UPDATE payout SET state = 'declined' WHERE payout_id = $1"), true),
        (.manual, "declined", Attack("UPDATE payout SET state = 'declined' WHERE payout_id = $1"), false),
        (.unknown, "unknown", Attack("UPDATE payout SET destination = 'acct_other' WHERE payout_id = $1"), false),
        (.reserved, nil, Attack("UPDATE payout SET destination = 'acct_other' WHERE payout_id = $1"), false),
        (.awaitingApproval, nil, Attack("UPDATE payout SET destination = 'acct_other' WHERE payout_id = $1"), true),
        (.unknown, "unknown", Attack("UPDATE payout SET provider = 'circle' WHERE payout_id = $1"), false),
        (.unknown, "unknown", Attack("UPDATE payout SET amount_minor = 1 WHERE payout_id = $1"), false),
        (.failed, "declined", Attack("DELETE FROM payout WHERE payout_id = $1"), false),
        (.awaitingApproval, nil, Attack("UPDATE payout SET approved_by = submitted_by WHERE payout_id = $1"), false),
        (
            .awaitingApproval, nil,
            Attack("UPDATE payout SET approved_by = NULL, state = 'reserved' WHERE payout_id = $1"), false
        ),
        (.unknown, "unknown", .another("transfer", 2), false),
        (.unknown, "unknown", .another("payout", 1), false),
        (.unknown, "accepted", .another("transfer", 1), true),
        (.submitted, "accepted", .another("transfer", 1), false),
        (.reserved, "declined", .another("payout", 2), true),
        (.reserved, "prepared", .another("transfer", 2), false),
        (.reserved, "declined", .another("payout", 2, key: "$1"), false),
        (
            .reserved, nil,
            Attack(
                """
                INSERT INTO payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination,
                    mode, state, decision, submitted_by, approved_by, created_at, updated_at)
                SELECT gen_random_uuid(), batch_key, affiliate_id, currency, amount_minor, provider, destination,
                    mode, state, decision, submitted_by, approved_by, created_at, updated_at
                FROM payout WHERE payout_id = $1
                """), false
        ),
        (.reserved, nil, .another("payout", 1, amountMinor: 2_501), false),
        (.reserved, nil, .another("payout", 1, account: "acct_other"), false),
        (.unknown, "unknown", Attack("UPDATE payout_attempt SET request_body = 'x' WHERE payout_id = $1"), false),
        (.unknown, "unknown", Attack("UPDATE payout_attempt SET idempotency_key = 'new' WHERE payout_id = $1"), false),
        (
            .unknown, "unknown",
            Attack(
                "UPDATE payout_attempt SET key_expires_at = key_expires_at + interval '1 hour' WHERE payout_id = $1"),
            false
        ),
        (
            .unknown, "unknown",
            Attack(
                """
                UPDATE payout_attempt SET state = 'sending', last_sent_at = key_expires_at WHERE payout_id = $1
                """), false
        ),
        (
            .unknown, "unknown",
            Attack("UPDATE payout_attempt SET state = 'sending', last_sent_at = now() WHERE payout_id = $1"), true
        ),
        (.submitted, "accepted", Attack("UPDATE payout_attempt SET state = 'unknown' WHERE payout_id = $1"), false),
        (
            .submitted, "accepted",
            Attack("UPDATE payout_attempt SET provider_object_id = 'po_2' WHERE payout_id = $1"), false
        ),
        (.unknown, "unknown", Attack("UPDATE payout_attempt SET state = 'accepted' WHERE payout_id = $1"), false),
        (.failed, "declined", Attack("UPDATE payout_attempt SET state = 'sending' WHERE payout_id = $1"), false),
        (.failed, "declined", Attack("DELETE FROM payout_attempt WHERE payout_id = $1"), false),
    ]

    @Test("What must stand behind a move or a request is asked of everybody", arguments: attempts.indices)
    func evidence(index: Int) async throws {
        let (state, attempt, attack, isAllowed) = PayoutGuardTests.attempts[index]
        try await Guarded.with { guarded in
            let id = try await guarded.payout(in: state, attempt: attempt)
            let sqlState = await guarded.attack(attack.statement, id, attack.values)
            #expect(
                isAllowed == (sqlState == nil), "\(state.rawValue), \(attempt ?? "no attempt"): \(attack.statement)")
            if let sqlState { #expect(sqlState.hasPrefix("23"), "\(attack.statement)") }
        }
    }

    @Test("Two people, and 48 hours, are needed to say that an unknown payout moved no money")
    func resolution() async throws {
        try await Guarded.with { guarded in
            let decline: Statement = "UPDATE payout SET state = 'declined' WHERE payout_id = $1"
            let confirm: Statement =
                """
                UPDATE payout_resolution SET confirmed_by = $2, confirmed_at = (
                    SELECT updated_at + $3 * interval '1 hour' FROM payout WHERE payout_id = $1)
                WHERE payout_id = $1
                """
            for (by, hours, isAllowed) in [("one", Int32(48), false), ("two", 47, false), ("two", 48, true)] {
                let id = try await guarded.payout(in: .manual, attempt: "declined")
                try await guarded.prepare(
                    """
                    INSERT INTO payout_resolution (payout_id, verdict, evidence, proposed_by, proposed_at)
                    VALUES ($1, 'declined', 'seen', 'one', now())
                    """, id)
                let confirmed = await guarded.attack(confirm, id, [.text(by), .int4(hours)])
                #expect((confirmed == nil) == (by == "two"), "\(by)")
                let declined = await guarded.attack(decline, id)
                #expect((declined == nil) == isAllowed, "\(by) after \(hours) hours")
            }
        }
    }
}

/// A statement of the application's role about one payout, `$1`.
struct Attack: Sendable {
    let statement: Statement
    var values: [PostgresValue] = []

    init(_ statement: Statement) { self.statement = statement }

    /// Another attempt of the payout.
    /// - Parameter key: `$1` for that of the attempt that is there.
    static func another(
        _ operation: String, _ number: Int32, amountMinor: Int64 = 2_500, account: String = "acct_a",
        key: String = "another"
    ) -> Attack {
        var attack = Attack(
            """
            INSERT INTO payout_attempt (payout_id, operation, attempt_number, provider, account, idempotency_key,
                request_path, request_body, request_sha256, amount_minor, currency, state, created_at)
            VALUES ($1, $2, $3, 'stripe', $5, replace($6, '$1', $1::text), '/v1', 'b', sha256('b'), $4, 'USD',
                'prepared', now())
            """)
        attack.values = [.text(operation), .int4(number), .int8(amountMinor), .text(account), .text(key)]
        return attack
    }
}

/// A database with payouts in every state, and a session of the application's role.
private struct Guarded {
    private let database: TestDatabase
    private let application: PostgresPool

    static func with(_ body: (Guarded) async throws -> Void) async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            _ = try await database.pool.transaction { t throws(PostgresError) in
                try t.run("INSERT INTO affiliate (affiliate_id, name) VALUES ('a', 'a')")
            }
            let application = try await database.makeApplicationPool()
            try await body(Guarded(database: database, application: application))
            await application.close()
        }
    }

    /// A payout that stands in `state`, put there past the guards.
    ///
    /// - Parameter attempt: the state of its first transfer, or of its payout if that is accepted; nil: none was made.
    func payout(in state: PayoutState, attempt: String?) async throws -> UInt128 {
        let id = Identifier(hashing: "guarded", String(UInt64.random(in: 0...UInt64.max))).value
        try await database.pool.transaction { t throws(PostgresError) in
            try t.run("SET LOCAL session_replication_role = replica")
            try t.run(
                """
                INSERT INTO payout (payout_id, batch_key, affiliate_id, currency, amount_minor, provider, destination,
                    mode, state, decision, submitted_by, approved_by, created_at, updated_at)
                VALUES ($1, $1::text, 'a', 'USD', 2500, 'stripe', 'acct_a', 'manual', $2, '{}', 'one', 'two', now(),
                    now())
                """, .uuid(id), .text(state.rawValue))
            guard let attempt else { return }
            try t.run(
                """
                INSERT INTO payout_attempt (payout_id, operation, attempt_number, provider, account, idempotency_key,
                    request_path, request_body, request_sha256, amount_minor, currency, state, provider_object_id,
                    key_expires_at, created_at)
                VALUES ($1, CASE $2 WHEN 'accepted' THEN 'payout' ELSE 'transfer' END, 1, 'stripe', 'acct_a', $1::text,
                    '/v1', 'b', sha256('b'), 2500, 'USD', $2, CASE $2 WHEN 'accepted' THEN 'po_' || $1 END,
                    now() + interval '20 hours', now())
                """, .uuid(id), .text(attempt))
        }
        return id
    }

    /// Runs a statement as the owner of the tables.
    func prepare(_ statement: Statement, _ id: UInt128) async throws {
        try await database.pool.transaction { t throws(PostgresError) in _ = try t.run(statement, .uuid(id)) }
    }

    /// Runs a statement as the application's role.
    ///
    /// - Returns: why it was refused; nil: it went through.
    func attack(_ statement: Statement, _ id: UInt128, _ values: [PostgresValue] = []) async -> String? {
        do {
            try await application.transaction(attempts: 1) { t throws(PostgresError) in
                _ = try t.run(statement, parameters: [.uuid(id)] + values)
            }
            return nil
        } catch {
            return error.sqlState ?? "\(error)"
        }
    }
}
