import Foundation

/// A transfer as Stripe writes it.
struct FakeTransfer: Codable, Sendable {
    let id: String
    var object = "transfer"
    let amount: Int64
    var amountReversed: Int64 = 0
    /// Only where it is asked to be written out.
    var balanceTransaction: FakeBalanceTransaction?
    let created: Int64
    let currency: String
    let destination: String
    var livemode = false
    let metadata: [String: String]
    var reversed = false
    let transferGroup: String?
}

/// What a movement did to the platform's balance.
struct FakeBalanceTransaction: Codable, Sendable {
    let id: String
    var object = "balance_transaction"
    let amount: Int64
    let currency: String
    let fee: Int64
    let net: Int64
}

/// A bank payout as Stripe writes it.
struct FakePayout: Codable, Sendable {
    let id: String
    var object = "payout"
    let amount: Int64
    let arrivalDate: Int64
    var automatic = false
    let created: Int64
    let currency: String
    var failureCode: String?
    var failureMessage: String?
    var livemode = false
    let metadata: [String: String]
    var method = "standard"
    var reconciliationStatus = "not_applicable"
    var status = "pending"
    var type = "bank_account"
}

struct FakeList<Element: Codable & Sendable>: Codable, Sendable {
    var object = "list"
    let data: [Element]
    let hasMore: Bool
}

struct FakeEvent<Object: Codable & Sendable>: Codable, Sendable {
    struct Payload: Codable, Sendable {
        let object: Object
    }

    let id: String
    var object = "event"
    let type: String
    let account: String?
    let created: Int64
    var livemode = false
    let data: Payload
}

/// An event that no endpoint has taken, as it is listed.
struct UnheardEvent: Sendable {
    let id: String
    /// Whose it is; empty for the platform.
    let account: String
    let created: Int64
    let body: [UInt8]

    init(_ notice: FakeNotice, created: Int64) {
        id = notice.eventID
        account = notice.isConnect ? notice.account : ""
        self.created = created
        body = notice.body
    }

    /// One page of them, newest first.
    static func page(_ events: [UnheardEvent], of account: String, _ fields: [String: String]) -> FakeReply {
        var found = events.reversed().filter { event in
            event.account == account && event.created >= (fields["created[gte]"].flatMap { Int64($0) } ?? 0)
        }
        if let cursor = fields["starting_after"], let position = found.firstIndex(where: { $0.id == cursor }) {
            found.removeFirst(position + 1)
        }
        let limit = fields["limit"].flatMap { Int($0) } ?? 10
        let data = found.prefix(limit).map { String(decoding: $0.body, as: UTF8.self) }.joined(separator: ",")
        return FakeReply(json: #"{"object":"list","data":[\#(data)],"has_more":\#(found.count > limit)}"#)
    }
}

struct FakeErrorBody: Codable, Sendable {
    struct Detail: Codable, Sendable {
        let type: String
        let code: String?
        let message: String
    }

    let error: Detail

    init(type: String = "invalid_request_error", code: String? = nil, _ message: String) {
        error = Detail(type: type, code: code, message: message)
    }
}

/// The fields of a form, decoded; the last one of a name wins.
enum FormDecoding {
    static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decode(parts[0])] = parts.count > 1 ? decode(parts[1]) : ""
        }
        return fields
    }

    /// The fields `name[key]` by their keys.
    static func members(of name: String, in fields: [String: String]) -> [String: String] {
        var members: [String: String] = [:]
        for (field, value) in fields where field.hasPrefix(name + "[") && field.hasSuffix("]") {
            members[String(field.dropFirst(name.count + 1).dropLast())] = value
        }
        return members
    }

    private static func decode(_ text: Substring) -> String {
        text.replacing("+", with: " ").removingPercentEncoding ?? String(text)
    }
}
