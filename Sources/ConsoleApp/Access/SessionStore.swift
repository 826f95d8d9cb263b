import Domain
import Postgres
import Storage

/// Logs people in and out. A session is known by the hash of its cookie, so a leaked table opens none.
struct SessionStore: Sendable {
    /// Failures of one address on one e-mail within `windowSeconds` after which its next tries are not even checked.
    static let failuresPerAddressMaximum: Int64 = 5
    /// The same for all addresses together, against guessing from many places.
    static let failuresPerEmailMaximum: Int64 = 50
    static let windowSeconds: Int64 = 15 * 60

    enum Login: Sendable {
        case opened(token: String)
        case refused
        case throttled(retryAfterSeconds: Int64)
    }

    let pool: PostgresPool
    let checker: PasswordChecker
    let lifetimeSeconds: Int64
    let now: @Sendable () -> Timestamp

    func logIn(email: String, password: String, address: String) async throws -> Login {
        let email = String(email.lowercased().prefix(320))
        let attempt = try await attempt(email: email, address: address)
        if attempt.isThrottled { return .throttled(retryAfterSeconds: SessionStore.windowSeconds) }
        guard try await checker.matches(password, stored: attempt.passwordHash), let userID = attempt.userID else {
            return .refused
        }
        return .opened(token: try await open(userID: userID, email: email, address: address))
    }

    enum Confirmation: Sendable {
        case confirmed
        case refused
        case throttled(retryAfterSeconds: Int64)
    }

    /// Checks the password of somebody who is logged in; a try counts like that of a login.
    func confirm(_ session: Session, password: String, address: String) async throws -> Confirmation {
        let attempt = try await attempt(email: session.email, address: address)
        if attempt.isThrottled { return .throttled(retryAfterSeconds: SessionStore.windowSeconds) }
        guard try await checker.matches(password, stored: attempt.passwordHash) else { return .refused }
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try SessionStore.forgetFailures(email: session.email, address: address, in: transaction)
        }
        return .confirmed
    }

    private static func forgetFailures(
        email: String, address: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            "DELETE FROM login_failure WHERE email = $1 AND address = $2", .text(email), .text(address))
    }

    func session(token: String) async throws(PostgresError) -> Session? {
        let moment = now().microsecondsSinceEpoch
        let rows = try await pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT u.user_id, u.email, u.name, u.role, u.affiliate_id, s.csrf_token
                FROM console_session s JOIN console_user u USING (user_id)
                WHERE s.token_hash = $1 AND s.expires_at > $2 AND NOT u.disabled
                """, .bytes(SecureToken.hash(token)), .timestamp(microsecondsSinceEpoch: moment),
                decode: SessionStore.decode)
        }
        return rows.first
    }

    func logOut(token: String) async throws(PostgresError) {
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run(
                "DELETE FROM console_session WHERE token_hash = $1", .bytes(SecureToken.hash(token)))
        }
    }

    private static func decode(_ row: borrowing Row) throws(PostgresError) -> Session {
        // The column's constraint allows no other role; one that this build does not know may do the least.
        let role = Role(rawValue: try row.text(3)) ?? .affiliate
        return Session(
            userID: try row.int8(0), email: try row.text(1), name: try row.text(2), role: role,
            // Without its id an affiliate would see everybody's rows; with an empty one it sees none.
            affiliateID: role == .affiliate ? try row.textOrNull(4) ?? "" : nil, csrfToken: try row.text(5))
    }

    private struct Attempt: Sendable {
        var isThrottled = false
        var userID: Int64?
        var passwordHash: String?
    }

    /// Counts the try as a failure before the password is looked at, so that tries in parallel count each other.
    private func attempt(email: String, address: String) async throws(PostgresError) -> Attempt {
        let moment = now()
        let since = moment.adding(seconds: -SessionStore.windowSeconds).microsecondsSinceEpoch
        return try await pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run(
                "SELECT pg_advisory_xact_lock(hashtextextended('login:' || $1, 0))", .text(email))
            let failures = try transaction.query(
                """
                SELECT count(*) FILTER (WHERE address = $2), count(*) FROM login_failure WHERE email = $1 AND at > $3
                """, .text(email), .text(address), .timestamp(microsecondsSinceEpoch: since)
            ) { row in (here: try row.int8(0), everywhere: try row.int8(1)) }
            let isThrottled = failures.contains {
                $0.here >= SessionStore.failuresPerAddressMaximum
                    || $0.everywhere >= SessionStore.failuresPerEmailMaximum
            }
            guard !isThrottled else { return Attempt(isThrottled: true) }
            _ = try transaction.run(
                "INSERT INTO login_failure (email, address, at) VALUES ($1, $2, $3)", .text(email), .text(address),
                .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch))
            // Nothing reads older ones; the table stays as small as the attack.
            _ = try transaction.run(
                "DELETE FROM login_failure WHERE at < $1",
                .timestamp(microsecondsSinceEpoch: moment.adding(days: -1).microsecondsSinceEpoch))
            let users = try transaction.query(
                "SELECT user_id, password_hash FROM console_user WHERE email = $1 AND NOT disabled", .text(email)
            ) { row in (id: try row.int8(0), hash: try row.text(1)) }
            return Attempt(userID: users.first?.id, passwordHash: users.first?.hash)
        }
    }

    private func open(userID: Int64, email: String, address: String) async throws(PostgresError) -> String {
        let token = SecureToken.make()
        let csrfToken = SecureToken.make()
        let moment = now()
        let expiry = moment.adding(seconds: lifetimeSeconds)
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try SessionStore.forgetFailures(email: email, address: address, in: transaction)
            _ = try transaction.run(
                "DELETE FROM console_session WHERE expires_at <= $1",
                .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch))
            _ = try transaction.run(
                """
                INSERT INTO console_session (token_hash, user_id, csrf_token, created_at, expires_at)
                VALUES ($1, $2, $3, $4, $5)
                """, .bytes(SecureToken.hash(token)), .int8(userID), .text(csrfToken),
                .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch),
                .timestamp(microsecondsSinceEpoch: expiry.microsecondsSinceEpoch))
            try AuditLog.append(
                AuditEntry(at: moment, actor: "user:" + email, action: "login", subject: "console", detail: "{}"),
                in: transaction)
        }
        return token
    }
}
