import Crypto
import CryptoExtras
import Domain
import Foundation
import NIOSSL

/// A certificate that Amazon signs notifications with.
struct SNSCertificate: Sendable {
    private let key: _RSA.Signing.PublicKey
    private let validFrom: Timestamp
    private let validUntil: Timestamp

    /// - Parameter pem: as it was fetched; of several certificates the first signs.
    /// - Returns: nil for anything but a certificate of an RSA key of 2,048 bits or more.
    init?(pem: [UInt8]) {
        // What exactly is wrong with it helps nobody: it is not what Amazon signs with.
        guard let certificate = try? NIOSSLCertificate(bytes: pem, format: .pem),
            let der = try? certificate.extractPublicKey().toSPKIBytes(),
            let key = try? _RSA.Signing.PublicKey(derRepresentation: der)
        else { return nil }
        self.key = key
        validFrom = Timestamp(secondsSinceEpoch: Int64(certificate.notValidBefore))
        validUntil = Timestamp(secondsSinceEpoch: Int64(certificate.notValidAfter))
    }

    func isValid(at now: Timestamp) -> Bool { validFrom <= now && now <= validUntil }

    /// Whether a message is signed with the certificate's key: SHA-1 in version 1, SHA-256 in version 2.
    func signed(_ message: SNSMessage) -> Bool {
        guard let bytes = Data(base64Encoded: message.signature) else { return false }
        let (text, signature) = (Data(message.stringToSign.utf8), _RSA.Signing.RSASignature(rawRepresentation: bytes))
        switch message.signatureVersion {
        case "1":
            return key.isValidSignature(signature, for: Insecure.SHA1.hash(data: text), padding: .insecurePKCS1v1_5)
        case "2": return key.isValidSignature(signature, for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
        default: return false
        }
    }
}

/// Verifies Amazon's notifications with the certificates that they name, fetched when one is first named and kept: what
/// lies at an address never changes.
///
/// Anybody can name an address of Amazon's, so how many are kept and how many are fetched are bounded.
public actor SNSCertificates {
    enum Answer: Hashable, Sendable {
        case genuine
        case unknownKey
        case wrongSignature
        /// Nobody could be asked, or too many were asked about: the sender shall try again.
        case unavailable
    }

    private static let keptMaximum = 16
    private static let fetchesMaximum = 10
    private static let fetchesPeriodSeconds: Int64 = 60

    private let fetch: @Sendable (String) async -> [UInt8]?
    /// nil: no certificate lies there.
    private var kept: [String: SNSCertificate?] = [:]
    private var fetchedAt: [Timestamp] = []

    /// - Parameter fetch: what lies at an address of Amazon's; nil: it did not answer.
    public init(fetch: @escaping @Sendable (String) async -> [UInt8]?) { self.fetch = fetch }

    func verify(_ message: SNSMessage, at now: Timestamp) async -> Answer {
        guard let url = message.certificateURL else { return .unknownKey }
        if kept[url] == nil {
            fetchedAt.removeAll { now.seconds(since: $0) >= SNSCertificates.fetchesPeriodSeconds }
            guard fetchedAt.count < SNSCertificates.fetchesMaximum else { return .unavailable }
            fetchedAt.append(now)
            guard let pem = await fetch(url) else { return .unavailable }
            keep(SNSCertificate(pem: pem), of: url)
        }
        guard let certificate = kept[url] ?? nil, certificate.isValid(at: now) else { return .unknownKey }
        return certificate.signed(message) ? .genuine : .wrongSignature
    }

    private func keep(_ certificate: SNSCertificate?, of url: String) {
        if kept.count >= SNSCertificates.keptMaximum {
            // What was made up goes first; a genuine one that goes is fetched again.
            let victim = kept.first { $0.value == nil }?.key ?? kept.keys.first
            if let victim { kept[victim] = nil }
        }
        kept.updateValue(certificate, forKey: url)
    }
}
