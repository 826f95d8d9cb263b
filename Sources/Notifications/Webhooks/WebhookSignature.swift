import Crypto
import Domain
import Foundation

/// Signs an outgoing webhook by the Standard Webhooks specification: HMAC-SHA256 over id, moment and body.
public enum WebhookSignature {
    /// - Returns: the value of the header `webhook-signature`.
    public static func value(id: String, at moment: Timestamp, body: [UInt8], secret: [UInt8]) -> String {
        var hmac = HMAC<SHA256>(key: SymmetricKey(data: secret))
        hmac.update(data: Array("\(id).\(seconds(moment)).".utf8))
        hmac.update(data: body)
        return "v1," + Data(hmac.finalize()).base64EncodedString()
    }

    /// The value of the header `webhook-timestamp`.
    static func seconds(_ moment: Timestamp) -> Int64 { moment.microsecondsSinceEpoch / 1_000_000 }
}
