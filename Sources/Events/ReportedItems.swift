public import Domain

/// The lines of an order: as values, and as the JSON that reported them.
public struct ReportedItems: Sendable {
    public let list: [OrderItem]
    /// The array as it was written.
    public let json: String

    /// - Parameter bounds: of a well-formed array in `bytes`.
    /// - Returns: nil if an item is no object, has a member of the wrong type or beyond the limits of an event, or if
    ///   all of them have more pieces than an event may have.
    init?(_ bytes: UnsafeRawBufferPointer, in bounds: Range<Int>) {
        let json = bytes[bounds]
        guard !json.contains(0), case .array(let elements) = JSONTree(ArraySlice(json)) else { return nil }
        var list: [OrderItem] = []
        var pieces: Int64 = 0
        for element in elements {
            guard let item = OrderItem(element) else { return nil }
            pieces += Int64(item.quantity)
            list.append(item)
        }
        guard pieces <= TrackingEvent.quantityMaximum else { return nil }
        self.list = list
        self.json = String(decoding: json, as: UTF8.self)
    }

    /// Reads what `json` stored.
    public static func list(ofStored json: String) -> [OrderItem] {
        JSONTree(Array(json.utf8)[...])?.array?.compactMap { OrderItem($0) } ?? []
    }
}

extension OrderItem {
    fileprivate init?(_ tree: JSONTree) {
        guard case .object = tree else { return nil }
        let quantity = OrderItem.number(tree["quantity"], or: 1)
        let amount = OrderItem.number(tree["amount_minor"], or: 0)
        guard OrderItem.isText(tree["sku"]), OrderItem.isText(tree["category"]),
            let quantity, (1...TrackingEvent.quantityMaximum).contains(quantity),
            let amount, (0...TrackingEvent.amountMinorMaximum).contains(amount)
        else { return nil }
        self.init(
            sku: tree["sku"]?.string, category: tree["category"]?.string, quantity: Int32(quantity),
            amountMinor: amount)
    }

    private static func isText(_ tree: JSONTree?) -> Bool {
        switch tree {
        case nil, .null: true
        case .string(let text): text.unicodeScalars.count <= TrackingEvent.textLengthMaximum
        default: false
        }
    }

    private static func number(_ tree: JSONTree?, or absent: Int64) -> Int64? {
        switch tree {
        case nil, .null: absent
        default: tree?.integer
        }
    }
}
