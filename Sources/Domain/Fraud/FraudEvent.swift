/// A tracking event as the fraud engine sees it: hashes in place of texts, so that a day of events stays small.
///
/// A hash of 0 stands for "not reported".
public struct FraudEvent: Sendable, Hashable, Codable {
    public enum Kind: UInt8, Sendable, Codable {
        case click, conversion, refund, chargeback
    }

    /// What one look at the event's own texts says.
    public struct Marks: OptionSet, Sendable, Hashable, Codable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// The address lies in a prefix of a data centre.
        public static let hosting = Marks(rawValue: 1)
        /// The user agent names a program instead of a browser.
        public static let automated = Marks(rawValue: 2)
        public static let hasReferrer = Marks(rawValue: 4)
        /// The landing address has parameters of paid search or social clicks.
        public static let paidClick = Marks(rawValue: 8)
        public static let hasLanding = Marks(rawValue: 16)
        public static let newCustomer = Marks(rawValue: 32)
        /// Whether the customer is new was reported.
        public static let newnessKnown = Marks(rawValue: 64)
    }

    public var kind: Kind
    public var key: UInt64
    public var at: Timestamp
    /// 0 if only its click or order leads to an affiliate.
    public var affiliate: UInt64
    public var program: UInt64
    /// Of programme and click id.
    public var click: UInt64 = 0
    /// Of programme and order.
    public var order: UInt64 = 0
    public var customer: UInt64 = 0
    public var device: UInt64 = 0
    public var address: UInt64 = 0
    /// Of the address' /24, or /48 of an IPv6 address.
    public var subnet: UInt64 = 0
    public var agent: UInt64 = 0
    public var subID: UInt64 = 0
    /// Of the host that the visitor came from.
    public var referrer: UInt64 = 0
    public var coupon: UInt64 = 0
    /// The two letters of ISO 3166 as bytes; 0 if not reported.
    public var country: UInt16 = 0
    /// Of the ISO 4217 code.
    public var currency: UInt64 = 0
    public var amountMinor: Int64 = 0
    public var marks: Marks = []

    public init(kind: Kind, key: UInt64, at: Timestamp, affiliate: UInt64, program: UInt64) {
        self.kind = kind
        self.key = key
        self.at = at
        self.affiliate = affiliate
        self.program = program
    }

    /// The order in which a day is read, whatever the order in which its events came in.
    public static func precedes(_ left: FraudEvent, _ right: FraudEvent) -> Bool {
        (left.at, left.kind.rawValue, left.key) < (right.at, right.kind.rawValue, right.key)
    }
}

/// 64-bit hashes of texts: FNV-1a with a last mix, the same on every machine.
public enum FraudHash {
    /// - Returns: never 0, which stands for "not reported"; 0 for nil.
    public static func of(_ text: String?, in space: UInt64 = 0) -> UInt64 {
        guard var text else { return 0 }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ space
        text.withUTF8 { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return mixed(hash)
    }

    public static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return mixed == 0 ? 1 : mixed
    }

    /// Of an amount of money, as a key of its own.
    public static func of(amount: Int64) -> UInt64 { mixed(UInt64(bitPattern: amount) &+ 0x9E37_79B9_7F4A_7C15) }
}
