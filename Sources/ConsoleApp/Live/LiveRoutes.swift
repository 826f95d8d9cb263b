import Hummingbird
import ServiceLifecycle

/// `GET /events`: server-sent events for open pages.
enum LiveRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            Route(method: .get, path: "/events", kind: .api, permission: .readDashboard) { _ in
                try await stream(services)
            }
        ]
    }

    private static func stream(_ services: Services) async throws -> Response {
        guard let snapshots = await services.live.subscribe() else {
            throw Problem(
                .serviceUnavailable, "too_many_streams", "Too many pages are open. This one does not update itself.",
                headers: [.retryAfter: "60"])
        }
        let first = try await services.live.snapshot()
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await writer.write(event(first))
                // The server waits for its answers before it stops, so this one ends when the stop begins.
                for await snapshot in snapshots.cancelOnGracefulShutdown() {
                    try await writer.write(event(snapshot))
                }
                try await writer.finish(nil)
            })
    }

    private static func event(_ snapshot: LiveSnapshot) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("event: snapshot\ndata: ")
        buffer.writeBytes(JSONText.encode(snapshot))
        buffer.writeString("\n\n")
        return buffer
    }
}
