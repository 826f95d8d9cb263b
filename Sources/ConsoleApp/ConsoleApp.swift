import Blocking
import Domain
import Foundation
import Hummingbird
import Logging
import Postgres
import ServiceLifecycle
import Storage

/// How a console is reached and how careful it is.
public struct ConsoleConfiguration: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// 0: any free one.
    public var port = 8080
    /// Cookies travel over TLS only. False is for a plain loopback address.
    public var isSecure = true
    /// How long a login lasts, in seconds.
    public var sessionLifetimeSeconds: Int64 = 12 * 3_600
    /// The work of one password check.
    public var passwordCost = PasswordHash.Cost.standard
    /// Webhooks may go to this machine, as in a demo.
    public var allowsLoopbackWebhooks = false
    /// The addresses of a host.
    public var resolve: @Sendable (String) async -> [NetworkAddress] = { [resolver = HostResolver()] host in
        await resolver.addresses(of: host).compactMap(NetworkAddress.init)
    }
    /// The clock.
    public var now: @Sendable () -> Timestamp = {
        Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// The defaults: port 8080 of the loopback address, cookies over TLS only, logins of 12 hours.
    public init() {}
}

/// The HTTP API and the pages of the console.
public struct ConsoleApp: Sendable {
    /// The emitters whose lanes of the outbox a console publishes: what it wrote itself, and the rows of files that
    /// were confirmed.
    public static let lanes = [Services.lane, ImportPublishing.lane.workerGroup]

    private let configuration: ConsoleConfiguration
    private let services: Services
    private let imports: ImportPublisher
    private let gate: Gate
    private let logger: Logger
    /// Every address that the console answers.
    let routes: [Route]

    /// - Parameters:
    ///   - pool: connections to a migrated database.
    ///   - watermarks: how far the broker's partitions reach, as last heard; pages wait for it, so it answers at once.
    ///   - wake: called after a write that put messages on a lane of the console, so that they are published at once.
    /// - Throws: if the program was installed without its resources.
    public init(
        pool: PostgresPool, configuration: ConsoleConfiguration,
        watermarks: @escaping @Sendable () async -> [PartitionWatermark] = { [] },
        wake: @escaping @Sendable () async -> Void = {}, logger: Logger
    ) throws {
        let resources = try Resources()
        let cookie = SessionCookie(
            isSecure: configuration.isSecure, lifetimeSeconds: configuration.sessionLifetimeSeconds)
        let sessions = SessionStore(
            pool: pool, checker: try PasswordChecker(cost: configuration.passwordCost),
            lifetimeSeconds: configuration.sessionLifetimeSeconds, now: configuration.now)
        let services = Services(
            pool: pool, now: configuration.now, watermarks: watermarks, sessions: sessions, cookie: cookie,
            pages: try PageRenderer(templates: resources.templates),
            live: LiveFeed(pool: pool, watermarks: watermarks, now: configuration.now), wake: wake,
            webhookHost: { host in
                WebhookHost(
                    await configuration.resolve(host), allowsLoopback: configuration.allowsLoopbackWebhooks)
            })
        self.configuration = configuration
        self.services = services
        imports = ImportPublisher(pool: pool, now: configuration.now, wake: wake, logger: logger)
        self.logger = logger
        gate = Gate(sessions: sessions, keys: APIKeyStore(pool: pool), cookie: cookie)
        routes =
            ReadRoutes.all(services) + FraudRoutes.all(services) + FraudDecisionRoutes.all(services)
            + FraudPageRoutes.all(services) + AppealRoutes.all(services) + IngestionRoutes.all(services)
            + PaymentRoutes.all(services) + PayoutControlRoutes.all(services) + BreakRoutes.all(services)
            + PayoutRetryRoutes.all(services)
            + ProgramRoutes.all(services) + AffiliateRoutes.all(services) + AffiliateCheckRoutes.all(services)
            + ManualBatchRoutes.all(services) + LimitRoutes.all(services)
            + PayoutMethodRoutes.all(services)
            + OutcomeRoutes.all(services)
            + NotificationRoutes.all(services) + WebhookEndpointRoutes.all(services)
            + RuleRoutes.all(services) + LedgerRoutes.all(services) + StatementRoutes.all(services)
            + ImportRoutes.all(services) + ImportPageRoutes.all(services)
            + LiveRoutes.all(services) + SessionRoutes.all(services) + PageRoutes.all(services)
            + OutcomePageRoutes.all(services) + RulePageRoutes.all(services)
            + PayoutPageRoutes.all(services) + PayoutActionForms.all(services)
            + OpenRoutes.all(services, resources: resources)
    }

    /// The console as a service; it stops accepting at a graceful shutdown and ends when its answers are sent.
    ///
    /// - Parameter onRunning: called once with the port that it listens on.
    public func service(onRunning: @escaping @Sendable (Int) async -> Void = { _ in }) -> any Service {
        let router = Router(context: ConsoleContext.self)
        router.add(middleware: SecurityHeaders(isSecure: configuration.isSecure))
        router.add(middleware: Refusals(pages: services.pages))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { [gate] request, context in
                try await gate.respond(to: request, context: context, route: route)
            }
        }
        return Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(configuration.host, port: configuration.port)),
            services: [services.live, imports],
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
    }
}
