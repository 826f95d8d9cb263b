import Synchronization

/// Where a listing goes on that takes a part of its rows in each round; a new process begins with the first.
final class ListingPlace<Row: Sendable>: Sendable {
    private let row = Mutex<Row?>(nil)

    /// The row that was taken last; nil: the first comes next.
    var last: Row? {
        get { row.withLock { $0 } }
        set { row.withLock { $0 = newValue } }
    }
}
