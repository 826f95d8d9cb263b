import Crypto
public import Domain

/// Verifies the header `Stripe-Signature` over the bytes of a request as they came.
public struct StripeSignature: Sendable {
    /// Why a request is not from the provider, or not from now.
    public enum Refusal: String, Error, Sendable {
        case malformedHeader = "malformed_header"
        case wrongSignature = "wrong_signature"
        case outsideTolerance = "outside_tolerance"
    }

    /// Seconds that a signature may be old, or ahead.
    public static let toleranceSeconds: Int64 = 300
    /// A header with more signatures than a rotation can need is refused before any is compared.
    private static let signaturesMaximum = 16

    private let keys: [SymmetricKey]

    /// - Parameter secrets: the whole texts `whsec_…`, every one that is active during a rotation.
    public init(secrets: [String]) {
        keys = secrets.map { SymmetricKey(data: Array($0.utf8)) }
    }

    /// - Parameters:
    ///   - body: the raw bytes; never JSON written anew.
    ///   - header: the value of `Stripe-Signature`.
    public func verify(_ body: [UInt8], header: String, at now: Timestamp) throws(Refusal) {
        let parts = try StripeSignature.parse(header)
        let message = Array("\(parts.secondsText).".utf8) + body
        let isGenuine = keys.contains { key in
            parts.signatures.contains { signature in
                // Compares in constant time.
                HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: key)
            }
        }
        guard isGenuine else { throw .wrongSignature }
        let signedAt = Timestamp(secondsSinceEpoch: parts.seconds)
        guard abs(now.seconds(since: signedAt)) <= StripeSignature.toleranceSeconds else { throw .outsideTolerance }
    }

    /// The header that a sender with `secret` sets; the tests' and the fake provider's side of the contract.
    public static func header(for body: [UInt8], secret: String, at moment: Timestamp) -> String {
        let seconds = moment.seconds(since: Timestamp(secondsSinceEpoch: 0))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(seconds).".utf8) + body, using: SymmetricKey(data: Array(secret.utf8)))
        return "t=\(seconds),v1=" + hex(Array(code))
    }

    private struct Parts {
        /// As it stood: the signature covers these characters.
        var secondsText: Substring
        var seconds: Int64
        var signatures: [[UInt8]]
    }

    private static func parse(_ header: String) throws(Refusal) -> Parts {
        var parts: Parts?
        var signatures: [[UInt8]] = []
        for item in header.split(separator: ",") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            switch pair[0] {
            case "t":
                // Beyond twelve digits no moment is meant, and the arithmetic of moments would overflow.
                guard pair[1].utf8.count <= 12, let seconds = Int64(pair[1]), parts == nil else {
                    throw .malformedHeader
                }
                parts = Parts(secondsText: pair[1], seconds: seconds, signatures: [])
            case "v1":
                guard signatures.count < signaturesMaximum else { throw .malformedHeader }
                if let signature = bytes(hex: pair[1]), signature.count == 32 { signatures.append(signature) }
            default: continue
            }
        }
        guard var parts else { throw .malformedHeader }
        parts.signatures = signatures
        return parts
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }

    private static func bytes(hex text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { character in Character(UnicodeScalar(character)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
