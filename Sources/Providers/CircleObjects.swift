import Domain
import Events
import Storage

/// Reads Circle's JSON into values; what it does not know it leaves out, so a new field or status breaks nothing.
enum CircleObjects {
    /// An answer to a request that creates something; nil if the body cannot be read.
    static func answer(status: Int, body: [UInt8], requestID: String?) -> ProviderAnswer? {
        guard let tree = JSONTree(ArraySlice(body)) else { return nil }
        let code = tree["code"]?.integer
        return ProviderAnswer(
            status: status, objectID: tree["data"]?["id"]?.string,
            errorType: code == nil ? nil : ProviderOutcome.circleErrorType, errorCode: code.map(word),
            requestID: requestID)
    }

    /// - Returns: nil for an object that is no payout to an address.
    static func observation(_ tree: JSONTree, observedAt: Timestamp) -> ProviderObservation? {
        guard let objectID = tree["id"]?.string, let account = tree["destination"]?["id"]?.string else { return nil }
        return ProviderObservation(
            operation: .payout, objectID: objectID, account: account, amount: amount(tree["amount"]), reference: nil,
            status: tree["status"]?.string.flatMap(status), failureCode: tree["errorCode"]?.string, arrivalAt: nil,
            observedAt: observedAt, isAnonymous: true, feeMinor: amount(tree["fees"])?.minorUnits)
    }

    /// - Returns: nil for a status that is not known: whatever it means, it is not the end.
    private static func status(_ text: String) -> ProviderStatus? {
        switch text {
        case "pending": .pending
        case "running": .inTransit
        // On the chain, from where nothing comes back.
        case "complete": .paid
        case "failed": .failed
        default: nil
        }
    }

    static func amount(_ tree: JSONTree?) -> Money? {
        guard let currency = tree?["currency"]?.string.flatMap({ Currency(code: $0) }),
            let parts = tree?["amount"]?.string?.split(separator: ".", omittingEmptySubsequences: false),
            (1...2).contains(parts.count)
        else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        let padded = fraction.prefix(currency.exponent)
        let digits = parts[0] + padded + String(repeating: "0", count: currency.exponent - padded.count)
        // A part of a minor unit is no amount of ours.
        guard fraction.dropFirst(currency.exponent).allSatisfy({ $0 == "0" }), digits.allSatisfy(\.isASCII),
            let minorUnits = Int64(digits)
        else { return nil }
        return Money(minorUnits: minorUnits, currency: currency)
    }

    /// The word for a number of Circle's, where a decision or a reader needs one.
    private static func word(_ code: Int64) -> String {
        switch code {
        case 1_083: ProviderOutcome.circleKeyConflict
        case 1_093, 5_006: "insufficient_funds"
        case 2_003: "address_registered"
        case 2_004: "address_not_verified"
        case 2_005, 5_015: "chain_unsupported"
        case 5_003: "recipient_inactive"
        case 5_011, 5_014: "address_invalid"
        default: "circle_\(code)"
        }
    }
}
