extension DeviceRecord {
    func write(_ writer: inout StateWriter) {
        writer.number(lastDay)
        for places in [customers, sellers] {
            writer.list((0..<8).map { places[$0] }.filter { $0 != 0 }) { $0.hash($1) }
        }
        writer.list((0..<4).filter { clickAffiliates[$0] != 0 }) { writer, index in
            writer.hash(clickAffiliates[index])
            writer.hash(clickPrograms[index])
            writer.number(clickTimes[index])
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        lastDay = try reader.number32()
        for (index, key) in try reader.list(maximum: 8, { (r) throws(UnreadableState) in try r.hash32() }).enumerated()
        {
            customers[index] = key
        }
        for (index, key) in try reader.list(maximum: 8, { (r) throws(UnreadableState) in try r.hash32() }).enumerated()
        {
            sellers[index] = key
        }
        let clicks = try reader.list(maximum: 4) { (reader) throws(UnreadableState) in
            (try reader.hash32(), try reader.hash32(), try reader.number())
        }
        for (index, click) in clicks.enumerated() {
            (clickAffiliates[index], clickPrograms[index], clickTimes[index]) = click
        }
    }
}

extension ClickRecord {
    func write(_ writer: inout StateWriter) {
        writer.number(at.microsecondsSinceEpoch)
        writer.hash(affiliate)
        writer.hash(device)
        writer.hash(subnet)
        writer.count(UInt64(country))
        writer.byte((isAfterRival ? 1 : 0) | (hasLanding ? 2 : 0) | (isPaid ? 4 : 0))
        writer.count(UInt64(orders))
        writer.hash(customer)
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        at = Timestamp(microsecondsSinceEpoch: try reader.number())
        affiliate = try reader.hash()
        device = try reader.hash()
        subnet = try reader.hash()
        country = UInt16(truncatingIfNeeded: try reader.count())
        let marks = try reader.byte()
        isAfterRival = marks & 1 != 0
        hasLanding = marks & 2 != 0
        isPaid = marks & 4 != 0
        orders = UInt16(truncatingIfNeeded: try reader.count())
        customer = try reader.hash()
    }
}

extension OrderRecord {
    func write(_ writer: inout StateWriter) {
        writer.number(at.microsecondsSinceEpoch)
        writer.hash(affiliate)
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        at = Timestamp(microsecondsSinceEpoch: try reader.number())
        affiliate = try reader.hash()
    }
}

extension BuyerRecord {
    func write(_ writer: inout StateWriter) {
        writer.number(at.microsecondsSinceEpoch)
        writer.number(amountMinor)
        writer.hash(affiliate)
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        at = Timestamp(microsecondsSinceEpoch: try reader.number())
        amountMinor = try reader.number()
        affiliate = try reader.hash()
    }
}

/// What a link leads from. The raw values are stored.
public enum FraudLinkKind: Int32, Sendable, CaseIterable {
    case device = 1
    case click, order, buyer

    /// Days after its last use for which a link is remembered.
    ///
    /// - Parameter clickDays: of clicks.
    public func daysKept(clickDays: Int32) -> Int32 {
        switch self {
        case .device: LinkBook.deviceDays
        case .click: clickDays
        case .order: LinkBook.orderDays
        case .buyer: LinkBook.buyerDays
        }
    }
}

/// What leads from one key to earlier events, as it is stored: only what the events at hand name is ever loaded.
/// Without bytes it says that the key leads nowhere.
public struct FraudLink: Sendable, Hashable {
    public let kind: FraudLinkKind
    public let key: UInt64
    /// The last day on which it was used; it is forgotten by it.
    public let day: Int32
    /// Whether something was bought on the device: it counts for rings until it is forgotten.
    public let isBuyer: Bool
    public let bytes: [UInt8]

    public init(kind: FraudLinkKind, key: UInt64, day: Int32, isBuyer: Bool, bytes: [UInt8]) {
        self.kind = kind
        self.key = key
        self.day = day
        self.isBuyer = isBuyer
        self.bytes = bytes
    }
}

/// The keys by which events lead to earlier ones.
public struct FraudLinkKeys: Sendable, Hashable {
    public private(set) var devices: Set<UInt64> = []
    public private(set) var clicks: Set<UInt64> = []
    public private(set) var orders: Set<UInt64> = []
    public private(set) var buyers: Set<UInt64> = []

    public init() {}

    public mutating func insert(_ event: FraudEvent) {
        switch event.kind {
        case .click:
            devices.insert(event.device)
            clicks.insert(event.click)
        case .conversion:
            devices.insert(event.device)
            clicks.insert(event.click)
            orders.insert(event.order)
            buyers.formUnion([event.customer, event.device])
        case .refund, .chargeback: orders.insert(event.order)
        }
    }

    public mutating func insert(_ kind: FraudLinkKind, _ key: UInt64) {
        switch kind {
        case .device: devices.insert(key)
        case .click: clicks.insert(key)
        case .order: orders.insert(key)
        case .buyer: buyers.insert(key)
        }
    }

    mutating func remove(_ isOver: (FraudLinkKind, UInt64) -> Bool) {
        devices = devices.filter { !isOver(.device, $0) }
        clicks = clicks.filter { !isOver(.click, $0) }
        orders = orders.filter { !isOver(.order, $0) }
        buyers = buyers.filter { !isOver(.buyer, $0) }
    }

    /// Each key with its kind; without 0, which stands for "not reported".
    public var list: [(kind: FraudLinkKind, key: UInt64)] {
        [(FraudLinkKind.device, devices), (.click, clicks), (.order, orders), (.buyer, buyers)].flatMap { kind, keys in
            keys.lazy.filter { $0 != 0 }.map { (kind, $0) }
        }
    }
}
