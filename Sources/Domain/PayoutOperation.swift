/// A step of sending a payout; each is one request of its own with a key of its own.
public enum PayoutOperation: String, Sendable, CaseIterable {
    /// From the platform's balance to the affiliate's account at the provider.
    case transfer
    /// From the affiliate's account at the provider to the bank.
    case payout

    /// The idempotency key of an attempt: it names the payout, so keys of two payouts never meet.
    public func key(payoutID: Identifier, number: Int32) -> String {
        let suffix =
            switch self {
            case .transfer: "tr"
            case .payout: "po"
            }
        return "payout:\(payoutID):a\(number):\(suffix)"
    }
}
