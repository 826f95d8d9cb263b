import Hummingbird
import Logging
import NIOCore

/// An OpenAI-compatible endpoint on loopback that answers as it is told: honestly, or as bad ones do.
public actor FakeLanguageModel {
    public enum Manner: Sendable {
        /// Says the sentence in other words.
        case honest
        /// Says it with another number.
        case lying
        /// Answers something that is no answer.
        case garbage
        /// Answers nothing until it is stopped.
        case stalling
        case failing
    }

    /// The bodies of what was asked, in their order.
    public private(set) var requests: [String] = []
    public nonisolated let manner: Manner
    private let listener: LoopbackListener
    private let (release, releasing) = AsyncStream.makeStream(of: Void.self)

    public init(_ manner: Manner, logger: Logger) {
        self.manner = manner
        listener = LoopbackListener(logger: logger)
    }

    /// - Returns: its address, up to `/v1`.
    public func start() async throws -> String {
        let router = Router()
        router.post("/v1/chat/completions") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return await self.answer(String(buffer: body))
        }
        return "http://127.0.0.1:\(try await listener.start(router, port: 0))/v1"
    }

    public func stop() async {
        releasing.finish()
        await listener.stop()
    }

    private func answer(_ body: String) async -> Response {
        requests.append(body)
        switch manner {
        case .honest: return reply(FakeLanguageModel.sentence(in: body).map { "Note: " + $0 })
        case .lying: return reply(FakeLanguageModel.sentence(in: body).map { $0 + " That is 99 % sure." })
        case .garbage: return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "{\"choices\": [{")))
        case .failing: return Response(status: .internalServerError)
        case .stalling:
            for await _ in release {}
            return Response(status: .serviceUnavailable)
        }
    }

    private func reply(_ text: String?) -> Response {
        let content = text ?? ""
        let body = "{\"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"\(content)\"}}]}"
        return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    /// The last message's text, still escaped.
    private static func sentence(in body: String) -> String? {
        guard let start = body.ranges(of: "\"content\":\"").last?.upperBound else { return nil }
        return body[start...].firstIndex(of: "\"").map { String(body[start..<$0]) }
    }
}
