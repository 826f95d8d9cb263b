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

/// The keys that the fake signs its notifications with: the one in use, and the one that will replace it.
public enum FakeCircleKey {
    public static let ids = ["879dc113-5ca4-4ff7-a6b7-54652083fcf8", "3f2b0d6e-6f3c-4c55-9c0e-2d1f5a7b8c9d"]
    /// Of the one in use.
    public static var id: String { ids[0] }

    /// Base64 of the DER form; nil: there is no such key.
    static func publicKey(_ id: String) -> String? {
        privateKey(id)?.publicKey.derRepresentation.base64EncodedString()
    }

    /// Base64 of the DER form; it is another one for each call.
    ///
    /// - Parameter keyID: a key that is none signs nothing.
    public static func sign(_ body: [UInt8], keyID: String = id) -> String {
        (try? privateKey(keyID)?.signature(for: body).derRepresentation.base64EncodedString()) ?? ""
    }

    /// The scalars are in range, so there are such keys.
    private static func privateKey(_ id: String) -> P256.Signing.PrivateKey? {
        ids.firstIndex(of: id).flatMap { index in
            try? P256.Signing.PrivateKey(rawRepresentation: (1...32).map { UInt8($0 + index) })
        }
    }
}
