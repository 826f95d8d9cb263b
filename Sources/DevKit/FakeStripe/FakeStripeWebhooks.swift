import AsyncHTTPClient
import Crypto
import Domain
import Foundation

/// A signed request to a webhook endpoint, as the fake sends it.
public struct StripeDelivery: Sendable {
    /// To the endpoint of connected accounts rather than the platform's.
    public let isConnect: Bool
    public let body: [UInt8]
    /// The value of `Stripe-Signature`; new for every try.
    public let signature: String
}

extension StripeDelivery {
    init(_ notice: FakeNotice, secret: String, at moment: Timestamp) {
        let seconds = moment.seconds(since: Timestamp(secondsSinceEpoch: 0))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(seconds).".utf8) + notice.body, using: SymmetricKey(data: Array(secret.utf8)))
        isConnect = notice.isConnect
        body = notice.body
        signature = "t=\(seconds),v1=" + code.map { String(format: "%02x", $0) }.joined()
    }

    /// Posts it.
    ///
    /// - Returns: the HTTP status; 0 if there was no answer.
    func post(to url: String, with client: HTTPClient) async -> Int {
        await WebhookOutbox.post(body, headers: [("Stripe-Signature", signature)], to: url, with: client)
    }
}
