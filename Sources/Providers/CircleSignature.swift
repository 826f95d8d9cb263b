import Crypto
import Foundation

/// A key that Circle signs webhooks with, and the check of `X-Circle-Signature` against it.
public struct CirclePublicKey: Sendable {
    private let key: P256.Signing.PublicKey

    /// - Parameter text: base64 of the key's DER form.
    /// - Returns: nil for anything but a key of the curve P-256.
    public init?(base64 text: String) {
        guard let der = Data(base64Encoded: text),
            // Which rule of DER it breaks helps nobody.
            let key = try? P256.Signing.PublicKey(derRepresentation: der)
        else { return nil }
        self.key = key
    }

    /// Whether a request is from the owner of the key.
    ///
    /// Two signatures of one body may both be genuine, so no signature may tell a request from another.
    /// - Parameters:
    ///   - body: the raw bytes; never JSON written anew.
    ///   - signature: base64 of a signature in DER form, over the SHA-256 of the body.
    public func isValid(_ signature: String, for body: [UInt8]) -> Bool {
        guard let der = Data(base64Encoded: signature),
            // No signature is as wrong as a wrong one.
            let signature = try? P256.Signing.ECDSASignature(derRepresentation: der)
        else { return false }
        return key.isValidSignature(signature, for: body)
    }
}
