/// What a failure asks of the caller. The worker runtime has one answer to each.
public enum ErrorClass: String, Hashable, Sendable, CaseIterable {
    /// The same transaction may succeed if it is tried again: serialization, deadlock, a timeout.
    case retry
    /// The database or the way to it is ill: hold everything and wait.
    case infrastructure
    /// Schema, rights or configuration do not fit the program: hold until somebody repairs it.
    case deployment
    /// A value is wrong: some record of the batch is to blame.
    case data
    /// Read what was to be committed, and know.
    case commitUnknown
    /// Our own mistake.
    case bug

    /// - Parameter sqlState: five characters; anything else is a bug.
    public init(sqlState: String) {
        switch sqlState {
        case "40001", "40P01", "55P03", "57014": self = .retry
        // The server ended a transaction that idled, became a standby, or went down.
        case "25P03", "25006", "57P01", "57P02", "57P03", "57P04", "57P05": self = .infrastructure
        default: self = ErrorClass(sqlStateClass: String(sqlState.prefix(2)))
        }
    }

    private init(sqlStateClass: String) {
        switch sqlStateClass {
        case "08", "53", "58", "XX": self = .infrastructure
        case "0A", "28", "3D", "3F", "42": self = .deployment
        // 54: a row too wide for its index is a record's fault; P0 and 44 are raised by our own checks.
        case "21", "22", "23", "44", "54", "P0": self = .data
        default: self = .bug
        }
    }
}
