import Postgres

/// The keys of programs that call the API.
public struct APIKeyStore: Sendable {
    private let pool: PostgresPool

    /// - Parameter pool: of the database that the console reads.
    public init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Makes a key; its text is answered once and only its hash is kept.
    ///
    /// - Parameters:
    ///   - name: who holds it; it stands in the audit log.
    ///   - scopes: what it may do; deciding about payouts is never among it.
    /// - Returns: the text for the header `Authorization: Bearer …`.
    public func create(name: String, scopes: Set<Permission>) async throws(PostgresError) -> String {
        let key = "trib_" + SecureToken.make()
        let granted = scopes.filter(\.isGrantedToKeys).map(\.rawValue).sorted()
        try await pool.transaction { transaction throws(PostgresError) in
            _ = try transaction.run(
                "INSERT INTO api_key (key_hash, name, scopes) VALUES ($1, $2, $3)", .bytes(SecureToken.hash(key)),
                .text(name), .texts(granted))
        }
        return key
    }

    func principal(key: String) async throws(PostgresError) -> Principal? {
        let rows = try await pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT name, array_to_string(scopes, ' ') FROM api_key WHERE key_hash = $1 AND revoked_at IS NULL
                """, .bytes(SecureToken.hash(key))
            ) { row in (name: try row.text(0), scopes: try row.text(1)) }
        }
        return rows.first.map { found in
            Principal(keyName: found.name, scopes: found.scopes.split(separator: " ").map(String.init))
        }
    }
}
