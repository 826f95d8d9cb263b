import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The fraud desk: cases, and what people decide about them.
enum FraudRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/fraud-flags", .readFraud) { try await flags($0, services) }
        ]
    }

    private static func flags(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let status = try call.query.choice("status", of: ["open", "confirmed", "dismissed", "withdrawn"])
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try FraudQueries.flags(status: status, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }
}
