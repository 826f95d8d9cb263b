import Domain

/// Events that wait for their time, the earliest first; of equal ones the first pushed.
struct EventQueue {
    private struct Entry {
        let event: SampleEvent
        let order: Int

        func comes(before other: Entry) -> Bool {
            (event.occurredAt, order) < (other.event.occurredAt, other.order)
        }
    }

    /// A binary heap: no entry comes before the one at half its index.
    private var entries: [Entry] = []
    private var pushed = 0

    mutating func push(_ event: SampleEvent) {
        entries.append(Entry(event: event, order: pushed))
        pushed += 1
        var child = entries.count - 1
        while child > 0, entries[child].comes(before: entries[(child - 1) / 2]) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// - Returns: the earliest event, if its time is before `moment`.
    mutating func pop(before moment: Timestamp) -> SampleEvent? {
        guard let first = entries.first, first.event.occurredAt < moment else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        sink()
        return first.event
    }

    private mutating func sink() {
        var parent = 0
        while 2 * parent + 1 < entries.count {
            var child = 2 * parent + 1
            if child + 1 < entries.count, entries[child + 1].comes(before: entries[child]) { child += 1 }
            guard entries[child].comes(before: entries[parent]) else { return }
            entries.swapAt(parent, child)
            parent = child
        }
    }
}
