import AsyncHTTPClient
import Domain
import Events
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import WorkerRuntime

/// HTTP to a provider, and what each failure of it proves: whether the request can have arrived.
struct ProviderClient: Sendable {
    /// Bytes of a reply that are read; more is no reply of a provider.
    private static let replyBytesMaximum = 1 << 20

    let client: HTTPClient
    let timeout: TimeAmount

    /// Why a question has no answer.
    struct Unanswered: Error {
        /// The HTTP status; 0 if there was none.
        let status: Int
        let reason: String
    }

    /// A client that follows no redirects and does not try again by itself; its owner shuts it down.
    static func makeHTTPClient() -> HTTPClient {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        settings.timeout.connect = .seconds(5)
        // A refused connection is an answer; the schedule decides when to try again.
        settings.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    /// Sends what may move money.
    ///
    /// - Parameter read: the answer in a status, its headers and a body; nil if the body cannot be read.
    func send(
        _ request: HTTPClientRequest, read: (Int, HTTPHeaders, [UInt8]) -> ProviderAnswer?
    ) async -> ProviderReply {
        do {
            let response = try await client.execute(request, timeout: timeout)
            CrashPoint.hit(.afterProviderRequest)
            let body = Array(buffer: try await response.body.collect(upTo: ProviderClient.replyBytesMaximum))
            CrashPoint.hit(.afterProviderReply)
            guard let answer = read(Int(response.status.code), response.headers, body) else {
                return .silence(reason: "unreadable body, status \(response.status.code)")
            }
            return .answer(answer)
        } catch let error as HTTPClientError where error == .connectTimeout {
            return .notSent(reason: "connect timeout")
        } catch is NIOConnectionError {
            return .notSent(reason: "no connection")
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            return .notSent(reason: "connection refused")
        } catch {
            return .silence(reason: "\(type(of: error))")
        }
    }

    /// Whether an address answers with a success; what it answers is nobody's business here.
    func reaches(_ url: String) async -> Bool {
        // Why it does not answer changes nothing: it is tried again.
        guard let response = try? await client.execute(HTTPClientRequest(url: url), timeout: timeout) else {
            return false
        }
        return (200..<300).contains(Int(response.status.code))
    }

    /// What lies at an address; nil: it does not answer with a success, or with more than it may.
    func download(_ url: String, bytesMaximum: Int) async -> [UInt8]? {
        // Why it does not answer changes nothing: it is tried again.
        guard let response = try? await client.execute(HTTPClientRequest(url: url), timeout: timeout),
            response.status == .ok, let body = try? await response.body.collect(upTo: bytesMaximum)
        else { return nil }
        return Array(buffer: body)
    }

    /// Asks for what a provider has, or for what is safe to ask twice.
    func ask(_ request: HTTPClientRequest) async -> Result<JSONTree, Unanswered> {
        do {
            let response = try await client.execute(request, timeout: timeout)
            let body = Array(buffer: try await response.body.collect(upTo: ProviderClient.replyBytesMaximum))
            guard response.status == .ok else {
                return .failure(
                    Unanswered(status: Int(response.status.code), reason: "status \(response.status.code)"))
            }
            guard let tree = JSONTree(ArraySlice(body)) else {
                return .failure(Unanswered(status: 200, reason: "unreadable body"))
            }
            return .success(tree)
        } catch {
            return .failure(Unanswered(status: 0, reason: "\(type(of: error))"))
        }
    }
}
