import AsyncHTTPClient
import DevKit
import Logging
import NIOCore
import ServiceLifecycle
import Testing

@testable import ConsoleApp

@Suite(.timeLimit(.minutes(1))) struct LiveTests {
    @Test("A graceful stop ends the streams of open pages, which would otherwise hold it up")
    func stopEndsStreams() async throws {
        try await TestDatabase.with { database in
            var configuration = ConsoleConfiguration()
            configuration.port = 0
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let app = try ConsoleApp(pool: database.pool, configuration: configuration, logger: logger)
            let key = try await APIKeyStore(pool: database.pool).create(name: "page", scopes: [.readDashboard])
            let (ports, announce) = AsyncStream.makeStream(of: Int.self)
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [.init(service: app.service { announce.yield($0) })], logger: logger))
            async let stopped: Void = group.run()
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/events")
            request.headers.add(name: "authorization", value: "Bearer " + key)
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            #expect(response.headers.first(name: "content-type") == "text/event-stream")
            var chunks = response.body.makeAsyncIterator()
            let first = try #require(try await chunks.next())
            #expect(String(buffer: first).hasPrefix("event: snapshot\ndata: {"))
            await group.triggerGracefulShutdown()
            while try await chunks.next() != nil {}
            try await stopped
        }
    }

    @Test("Streams are bounded, and one that was closed makes room")
    func boundedStreams() async throws {
        try await TestDatabase.with { database in
            let feed = LiveFeed(
                pool: database.pool, watermarks: { [] }, now: ConsoleConfiguration().now)
            var streams: [AsyncStream<LiveSnapshot>] = []
            for _ in 0..<LiveFeed.subscribersMaximum { streams.append(try #require(await feed.subscribe())) }
            #expect(await feed.subscribe() == nil)
            streams.removeAll()
            await feed.runOnce()
            #expect(await feed.subscribe() != nil)
        }
    }
}
