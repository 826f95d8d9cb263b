import ConsoleApp
import Postgres

/// The logins of the demo: who asks for payouts must not approve them, so there are two.
enum ConsoleAccounts {
    static func create(pool: PostgresPool, password: String) async throws {
        let users = ConsoleUserStore(pool: pool)
        try await users.create(email: DemoFleet.administrator, name: "Owner", password: password, role: .owner)
        try await users.create(email: DemoFleet.clerk, name: "Finance", password: password, role: .finance)
    }
}
