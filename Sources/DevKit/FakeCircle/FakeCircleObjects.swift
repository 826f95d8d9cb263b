import Crypto
import Domain
import Foundation

/// An amount as Circle writes it: a decimal text.
struct FakeCircleMoney: Codable, Hashable, Sendable {
    let amount: String
    let currency: String
}

struct FakeCircleRecipient: Codable, Sendable {
    let id: String
    let chain: String
    let address: String
    var status = "pending"
    let createDate: String
    var updateDate: String
}

/// A payout as Circle writes it.
struct FakeCirclePayout: Codable, Sendable {
    struct Destination: Codable, Sendable {
        let type: String
        let id: String
    }

    struct Risk: Codable, Sendable {
        let decision: String
        let reason: String
    }

    let id: String
    let sourceWalletId: String
    let destination: Destination
    let amount: FakeCircleMoney
    let fees: FakeCircleMoney
    var status = "pending"
    var errorCode: String?
    var riskEvaluation: Risk?
    let createDate: String
    var updateDate: String
    let trackingRef: String
}

/// What Circle wraps around everything.
struct FakeCircleData<Value: Codable & Sendable>: Codable, Sendable {
    let data: Value
}

struct FakeCircleError: Codable, Sendable {
    let code: Int
    let message: String
}

struct FakeCircleNotification<Value: Codable & Sendable>: Codable, Sendable {
    let subscriptionId: String
    let notificationId: String
    let notificationType: String
    let notification: Value
    let timestamp: String
    var version = 2
}

/// The bodies of requests, as far as the fake reads them.
struct FakePayoutOrder: Decodable, Sendable {
    struct Party: Decodable, Sendable {
        let type: String
        let id: String
    }

    let idempotencyKey: String
    let source: Party
    let destination: Party
    let amount: FakeCircleMoney
}

struct FakeRecipientOrder: Decodable, Sendable {
    let idempotencyKey: String
    let chain: String
    let address: String
}

extension FakeReply {
    /// As Circle's objects are: names as they stand, and `data` around them.
    init(circle value: some Codable & Sendable, status: Int = 200) {
        self.init(status: status, FakeCircleData(data: value), names: .useDefaultKeys)
    }

    init(circleError code: Int, _ message: String, status: Int) {
        self.init(status: status, FakeCircleError(code: code, message: message), names: .useDefaultKeys)
    }
}

/// The key that the fake signs its notifications with.
public enum FakeCircleKey {
    public static let id = "879dc113-5ca4-4ff7-a6b7-54652083fcf8"
    private static let scalar: [UInt8] = Array(1...32)

    /// Base64 of the DER form.
    static var publicKey: String { privateKey?.publicKey.derRepresentation.base64EncodedString() ?? "" }

    /// Base64 of the DER form; it is another one for each call.
    public static func sign(_ body: [UInt8]) -> String {
        (try? privateKey?.signature(for: body).derRepresentation.base64EncodedString()) ?? ""
    }

    /// The scalar is in range, so there is such a key.
    private static var privateKey: P256.Signing.PrivateKey? { try? P256.Signing.PrivateKey(rawRepresentation: scalar) }
}
