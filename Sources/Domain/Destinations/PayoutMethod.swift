/// Where an affiliate wants the money.
public enum PayoutMethod: Hashable, Sendable {
    /// A bank account that Stripe holds the details of.
    case bank(account: String, lastDigits: String)
    case usdc(USDCAddress)
    /// Somebody pays it outside; the text says whom and how.
    case byHand(payee: String)

    /// Why a text is no account at Stripe; raw values are stable codes.
    public enum InvalidBank: String, Error, Sendable {
        case account = "stripe_account_malformed"
        case lastDigits = "last4_malformed"

        public var sentence: String {
            switch self {
            case .account: "An account at Stripe is acct_ and 1 to 60 letters, digits and underscores."
            case .lastDigits: "The last digits of the bank account are four digits."
            }
        }
    }

    public static func checkedBank(account: String, lastDigits: String) throws(InvalidBank) -> PayoutMethod {
        let id = account.utf8.dropFirst(5)
        guard account.hasPrefix("acct_"), (1...60).contains(id.count), id.allSatisfy(isWordCharacter) else {
            throw .account
        }
        guard lastDigits.utf8.count == 4, lastDigits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 })
        else { throw .lastDigits }
        return .bank(account: account, lastDigits: lastDigits)
    }

    /// As in the column `payout.provider`.
    public var provider: String {
        switch self {
        case .bank: "stripe"
        case .usdc: "circle"
        case .byHand: "manual"
        }
    }

    /// What two affiliates should not have in common.
    public var account: String {
        switch self {
        case .bank(let account, _): account
        case .usdc(let address): address.text
        case .byHand(let payee): payee
        }
    }

    private static func isWordCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
