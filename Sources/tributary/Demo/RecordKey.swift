import Events

/// The key under which a tracking service publishes an event: what keeps its story in one partition.
enum RecordKey {
    /// In this order: the affiliate, else the order, else the click, else the event itself.
    private static let fields = ["affiliate_id", "order_id", "click_id", "event_id"]

    /// - Returns: nil for bytes that are no event; the broker may put them anywhere.
    static func of(_ line: [UInt8]) -> [UInt8]? {
        guard let tree = JSONTree(line[...]) else { return nil }
        // CloudEvents have the event as their data.
        let event = tree["specversion"] == nil ? tree : tree["data"] ?? tree
        for field in fields {
            if let value = event[field]?.string, !value.isEmpty { return Array(value.utf8) }
        }
        return nil
    }
}
