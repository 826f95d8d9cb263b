import Domain
import Postgres

/// The people who may log in to the console.
public struct ConsoleUserStore: Sendable {
    private let pool: PostgresPool
    private let passwordCost: PasswordHash.Cost

    /// - Parameter passwordCost: the work of hashing the passwords of new users.
    public init(pool: PostgresPool, passwordCost: PasswordHash.Cost = .standard) {
        self.pool = pool
        self.passwordCost = passwordCost
    }

    /// Creates a user, or gives the user of that e-mail address the new name, password and role and ends its sessions.
    ///
    /// - Parameters:
    ///   - email: what the user logs in with, in any case.
    ///   - affiliateID: the affiliate that the user is; given for role `affiliate` and for no other.
    /// - Throws: `PostgresError`, or the error of the hash.
    public func create(
        email: String, name: String, password: String, role: Role, affiliateID: String? = nil
    ) async throws {
        let hash = try PasswordHash(password: password, cost: passwordCost).description
        let email = email.lowercased()
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run(
                """
                INSERT INTO console_user (email, name, password_hash, role, affiliate_id) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, password_hash = EXCLUDED.password_hash,
                    role = EXCLUDED.role, affiliate_id = EXCLUDED.affiliate_id, disabled = false
                """, .text(email), .text(name), .text(hash), .text(role.rawValue),
                affiliateID.map(PostgresValue.text) ?? .null)
            _ = try transaction.run(
                """
                DELETE FROM console_session
                WHERE user_id = (SELECT user_id FROM console_user WHERE email = $1)
                """, .text(email))
        }
    }
}
