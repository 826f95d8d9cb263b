/// What one connection has prepared.
///
/// A literal is prepared with the parameter types of its first call. A null carries no type, so a later call may know
/// more; then the literal is prepared once more with all that is known, and after a few calls no longer.
struct PreparedStatements {
    struct Entry {
        let name: String
        let types: [ObjectID]
    }

    private var entries: [StatementKey: [Entry]] = [:]
    private var serial = 0

    /// - Returns: the name of a statement that takes these types, if there is one.
    func name(for statement: Statement, _ types: [ObjectID]) -> String? {
        entries[statement.key]?.first { PreparedStatements.takes($0.types, types) }?.name
    }

    /// What should be prepared for these types. It counts only once it is recorded.
    mutating func proposal(for statement: Statement, _ types: [ObjectID]) -> Entry {
        serial += 1
        let known = entries[statement.key]?.last { PreparedStatements.fits($0.types, types) }
        let merged = zip(known?.types ?? types, types).map { $0 == .unspecified ? $1 : $0 }
        return Entry(name: "s\(serial)", types: merged)
    }

    mutating func record(_ entry: Entry, for statement: Statement) {
        var variants = entries[statement.key] ?? []
        variants.removeAll { PreparedStatements.takes(entry.types, $0.types) }
        variants.append(entry)
        entries[statement.key] = variants
    }

    private static func takes(_ declared: [ObjectID], _ given: [ObjectID]) -> Bool {
        declared.count == given.count && zip(declared, given).allSatisfy { $1 == .unspecified || $0 == $1 }
    }

    private static func fits(_ declared: [ObjectID], _ given: [ObjectID]) -> Bool {
        declared.count == given.count
            && zip(declared, given).allSatisfy { $0 == .unspecified || $1 == .unspecified || $0 == $1 }
    }
}
