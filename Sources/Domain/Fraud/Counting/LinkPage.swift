/// What the keys of one day's events lead to, as of the end of a day.
struct LinkPage: Sendable {
    var devices = DeviceBook()
    var clicks: [UInt64: ClickRecord] = [:]
    var orders: [UInt64: OrderRecord] = [:]
    var buyers: [UInt64: BuyerRecord] = [:]
    /// Keys that lead nowhere, whatever they led to on the days before.
    var absent = FraudLinkKeys()

    var count: Int { devices.count + clicks.count + orders.count + buyers.count }

    /// Takes a key's record from another page, if that knows it.
    ///
    /// - Parameter day: at whose end the records count: what is forgotten by then leads nowhere.
    /// - Returns: whether the other page says anything of the key.
    mutating func take(
        _ kind: FraudLinkKind, _ key: UInt64, from page: LinkPage, asOf day: Int32, clickDays: Int32
    ) -> Bool {
        guard page.says(of: kind, key) else { return false }
        let first = day - kind.daysKept(clickDays: clickDays) + 1
        switch kind {
        case .device: if let record = page.devices[key], record.lastDay >= first { devices[key] = record }
        case .click: if let record = page.clicks[key], record.at.day >= first { clicks[key] = record }
        case .order: if let record = page.orders[key], record.at.day >= first { orders[key] = record }
        case .buyer: if let record = page.buyers[key], record.at.day >= first { buyers[key] = record }
        }
        return true
    }

    /// Takes in a stored record.
    mutating func take(_ link: FraudLink) throws(UnreadableState) {
        var reader = StateReader(link.bytes[...])
        switch link.kind {
        case .device: devices[link.key] = try DeviceRecord(&reader)
        case .click: clicks[link.key] = try ClickRecord(&reader)
        case .order: orders[link.key] = try OrderRecord(&reader)
        case .buyer: buyers[link.key] = try BuyerRecord(&reader)
        }
    }

    /// Whether a record of a key is here, or that there is none.
    func says(of kind: FraudLinkKind, _ key: UInt64) -> Bool {
        switch kind {
        case .device: devices.contains(key) || absent.devices.contains(key)
        case .click: clicks[key] != nil || absent.clicks.contains(key)
        case .order: orders[key] != nil || absent.orders.contains(key)
        case .buyer: buyers[key] != nil || absent.buyers.contains(key)
        }
    }

    /// Each record, and each key that leads nowhere, as it is stored.
    ///
    /// - Parameter day: of the page; that of keys without a record.
    func links(on day: Int32) -> [FraudLink] {
        var links: [FraudLink] = []
        links.reserveCapacity(count)
        devices.forEach { key, record in
            links.append(FraudLink(.device, key, record.lastDay, isBuyer: record.sellers[0] != 0) { record.write(&$0) })
        }
        for (key, record) in clicks { links.append(FraudLink(.click, key, record.at.day) { record.write(&$0) }) }
        for (key, record) in orders { links.append(FraudLink(.order, key, record.at.day) { record.write(&$0) }) }
        for (key, record) in buyers { links.append(FraudLink(.buyer, key, record.at.day) { record.write(&$0) }) }
        for (kind, key) in absent.list { links.append(FraudLink(kind, key, day) { _ in }) }
        return links
    }
}

extension LinkBook {
    /// Puts the records of a page in the place of all that are in memory.
    mutating func open(_ page: LinkPage) {
        (devices, clicks, orders, buyers) = (page.devices, page.clicks, page.orders, page.buyers)
    }

    /// Takes all records out of memory.
    ///
    /// - Parameter keys: of the day's events.
    mutating func close(_ keys: FraudLinkKeys) -> LinkPage {
        var page = LinkPage()
        (page.devices, page.clicks, page.orders, page.buyers) = (devices, clicks, orders, buyers)
        open(LinkPage())
        for (kind, key) in keys.list where !page.says(of: kind, key) { page.absent.insert(kind, key) }
        return page
    }
}

extension FraudLink {
    fileprivate init(
        _ kind: FraudLinkKind, _ key: UInt64, _ day: Int32, isBuyer: Bool = false,
        _ write: (inout StateWriter) -> Void
    ) {
        var writer = StateWriter()
        write(&writer)
        self.init(kind: kind, key: key, day: day, isBuyer: isBuyer, bytes: writer.bytes)
    }
}
