import Domain
import Events
import Storage

/// Reads Stripe's JSON into values; what it does not know it leaves out, so a new field or status breaks nothing.
enum StripeObjects {
    /// An answer to a request that creates something; nil if the body cannot be read.
    static func answer(
        status: Int, body: [UInt8], isReplayed: Bool, requestID: String?
    ) -> ProviderAnswer? {
        guard let tree = JSONTree(ArraySlice(body)) else { return nil }
        let error = tree["error"]
        return ProviderAnswer(
            status: status, objectID: tree["id"]?.string, errorType: error?["type"]?.string,
            errorCode: error?["code"]?.string, isReplayed: isReplayed, requestID: requestID)
    }

    /// A transfer or a bank payout.
    ///
    /// - Parameter account: whose payout it is; a transfer names its own destination.
    /// - Returns: nil for another object, or for a status that is not known.
    static func observation(
        _ tree: JSONTree, account: String, isLive: Bool, observedAt: Timestamp
    ) -> ProviderObservation? {
        guard let objectID = tree["id"]?.string else { return nil }
        let isOfOtherMode = tree["livemode"]?.bool != isLive
        // Only where it was asked to be written out.
        let fee = tree["balance_transaction"]?["fee"]?.integer
        switch tree["object"]?.string {
        case "transfer":
            return ProviderObservation(
                operation: .transfer, objectID: objectID, account: tree["destination"]?.string ?? "",
                amount: amount(tree), reference: reference(tree), status: nil, failureCode: nil, arrivalAt: nil,
                observedAt: observedAt, isOfOtherMode: isOfOtherMode, feeMinor: fee,
                reversedMinor: tree["amount_reversed"]?.integer ?? 0)
        case "payout":
            guard let status = tree["status"]?.string.flatMap({ ProviderStatus(rawValue: $0) }) else { return nil }
            return ProviderObservation(
                operation: .payout, objectID: objectID, account: account, amount: amount(tree),
                reference: reference(tree), status: status, failureCode: tree["failure_code"]?.string,
                arrivalAt: tree["arrival_date"]?.integer.flatMap(moment), observedAt: observedAt,
                isOfOtherMode: isOfOtherMode, feeMinor: fee)
        default: return nil
        }
    }

    private static func amount(_ tree: JSONTree) -> Money? {
        guard let minorUnits = tree["amount"]?.integer,
            let currency = tree["currency"]?.string.flatMap({ Currency(code: $0.uppercased()) })
        else { return nil }
        return Money(minorUnits: minorUnits, currency: currency)
    }

    private static func reference(_ tree: JSONTree) -> AttemptReference? {
        guard let payoutID = tree["metadata"]?["payout_id"]?.string.flatMap({ Identifier(text: $0) }),
            let number = tree["metadata"]?["attempt"]?.string.flatMap({ Int32($0) })
        else { return nil }
        return AttemptReference(payoutID: payoutID, number: number)
    }

    /// - Returns: nil for what no calendar of ours holds.
    private static func moment(seconds: Int64) -> Timestamp? {
        (0...253_402_300_799).contains(seconds) ? Timestamp(secondsSinceEpoch: seconds) : nil
    }
}
