import Crypto
import CryptoExtras
import Foundation

/// A key and a certificate as Amazon has them for its notifications, made anew and signed by nobody else.
public struct FakeSNS: Sendable {
    /// PEM.
    public let certificate: [UInt8]
    private let key: _RSA.Signing.PrivateKey

    /// - Parameter bits: of its RSA key.
    public static func make(bits: Int = 2_048) async throws -> FakeSNS {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("sns-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        // What is left of it is the system's to clean up.
        defer { try? FileManager.default.removeItem(at: place) }
        let (key, certificate) = ("\(place.path)/key.pem", "\(place.path)/certificate.pem")
        let made = await SpawnedCommand.run(
            [
                "openssl", "req", "-x509", "-newkey", "rsa:\(bits)", "-nodes", "-keyout", key, "-out", certificate,
                "-days", "3650", "-subj", "/CN=sns.amazonaws.com",
            ], log: "\(place.path)/openssl.log")
        guard made == 0 else { throw FleetError.cannotStart("openssl", reason: "see its log in \(place.path)") }
        return FakeSNS(
            certificate: Array(try Data(contentsOf: URL(fileURLWithPath: certificate))),
            key: try _RSA.Signing.PrivateKey(
                unsafePEMRepresentation: String(contentsOfFile: key, encoding: .utf8)))
    }

    /// Base64 of the signature of a text.
    ///
    /// - Parameter version: 1 signs its SHA-1, any other its SHA-256.
    public func sign(_ text: String, version: Int) throws -> String {
        let bytes = Data(text.utf8)
        let signature =
            version == 1
            ? try key.signature(for: Insecure.SHA1.hash(data: bytes), padding: .insecurePKCS1v1_5)
            : try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
        return signature.rawRepresentation.base64EncodedString()
    }
}
