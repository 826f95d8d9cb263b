import Domain
import Logging
import Postgres

/// What every route works with.
struct Services: Sendable {
    /// The emitter's lane in which the console's messages wait for their topics.
    static let lane = "console"

    let pool: PostgresPool
    let now: @Sendable () -> Timestamp
    /// How far the broker's partitions reach; answers at once with what is known.
    let watermarks: @Sendable () async -> [PartitionWatermark]
    let sessions: SessionStore
    let cookie: SessionCookie
    let pages: PageRenderer
    let live: LiveFeed
    /// Wakes whoever publishes the console's lane.
    let wake: @Sendable () async -> Void
    /// Whether webhooks may go to a host.
    let webhookHost: @Sendable (String) async -> WebhookHost
}
