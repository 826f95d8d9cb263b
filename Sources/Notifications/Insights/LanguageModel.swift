public import AsyncHTTPClient
import Events
import Foundation
import NIOCore

/// An OpenAI-compatible endpoint that may say our sentences better. It is told numbers, never names.
public struct LanguageModel: Sendable {
    /// Bytes of a reply that are read: a sentence is short.
    static let replyBytesMaximum = 64 << 10
    static let tokensMaximum: Int64 = 200

    static let instruction = """
        Rewrite the sentence for a busy affiliate manager: plain, short, one paragraph. Keep every number and unit as \
        it is, and keep {affiliate} and {channel} as they are. Add nothing. Answer with the sentence alone.
        """

    private let address: String
    private let key: String?
    private let model: String
    private let client: HTTPClient
    private let timeout: TimeAmount

    /// - Parameters:
    ///   - url: up to and with `/v1`.
    ///   - key: nil for an endpoint that wants none.
    ///   - client: its owner shuts it down.
    public init(url: String, key: String?, model: String, timeoutSeconds: Int64, client: HTTPClient) {
        address = (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/chat/completions"
        self.key = key
        self.model = model
        self.client = client
        timeout = .seconds(timeoutSeconds)
    }

    /// A client as `init` wants it.
    public static func makeClient() -> HTTPClient {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        settings.timeout.connect = .seconds(5)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    /// - Returns: what it answered, unchecked; nil if it did not answer in time, or not in the form of an answer.
    func rewrite(_ sentence: String) async -> String? {
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        request.body = .bytes(ByteBuffer(bytes: body(sentence)))
        do {
            let response = try await client.execute(request, timeout: timeout)
            let bytes = Array(buffer: try await response.body.collect(upTo: LanguageModel.replyBytesMaximum))
            guard response.status == .ok, let tree = JSONTree(ArraySlice(bytes)) else { return nil }
            let text = tree["choices"]?.array?.first?["message"]?["content"]?.string
            return text?.trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            return nil  // Whatever it was: the sentence stays as it is.
        }
    }

    private func body(_ sentence: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("model", model)
            writer.member("temperature", Int64(0))
            writer.member("max_tokens", LanguageModel.tokensMaximum)
            writer.member("messages", [("system", LanguageModel.instruction), ("user", sentence)]) { writer, message in
                writer.object { writer in
                    writer.member("role", message.0)
                    writer.member("content", message.1)
                }
            }
        }
        return writer.bytes
    }
}
