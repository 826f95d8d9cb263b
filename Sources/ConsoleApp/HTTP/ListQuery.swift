import Domain
import Events

/// Where the next page of a list begins: the sort key of the last row shown, opaque to clients.
struct Cursor: Hashable, Sendable {
    let fields: [String]

    init(_ fields: String...) {
        self.fields = fields
    }

    /// - Returns: nil unless `text` was written by `description` with `count` fields.
    init?(text: String, count: Int) {
        guard let bytes = Base64URL.decode(text), let fields = JSONTree(bytes[...])?.array?.map(\.string),
            fields.count == count
        else { return nil }
        self.fields = fields.compactMap(\.self)
        guard self.fields.count == count else { return nil }
    }
}

extension Cursor: CustomStringConvertible {
    var description: String {
        var writer = JSONWriter()
        writer.array(fields) { $0.string($1) }
        return Base64URL.encode(writer.bytes)
    }
}

/// A page of a list.
struct Listing<Row: Encodable & Sendable>: Encodable, Sendable {
    let data: [Row]
    /// nil on the last page.
    let nextCursor: String?

    init(data: [Row], next: Cursor?) {
        self.data = data
        nextCursor = next?.description
    }

    /// - Parameter rows: one more than `limit`, where there is one more.
    init(_ rows: [Row], limit: Int, cursor: (Row) -> Cursor) {
        data = Array(rows.prefix(limit))
        nextCursor = rows.count > limit ? data.last.map { cursor($0).description } : nil
    }
}

extension Form {
    static let limitMaximum = 200
    static let limitDefault = 50

    /// The query field `limit`: rows per page.
    func limit(
        unlessGiven standard: Int = Form.limitDefault, maximum: Int = Form.limitMaximum
    ) throws(Problem) -> Int {
        guard let text = self["limit"] else { return standard }
        guard let limit = Int(text), (1...maximum).contains(limit) else {
            throw .invalid("limit", "limit is a whole number from 1 to \(maximum).", value: text)
        }
        return limit
    }

    /// The query field `cursor`.
    func cursor(count: Int) throws(Problem) -> Cursor? {
        guard let text = self["cursor"] else { return nil }
        guard let cursor = Cursor(text: text, count: count) else {
            throw .invalid("cursor", "cursor is the next_cursor of the page before.", value: text)
        }
        return cursor
    }

    /// A query field that holds a date such as `2026-11-01`, UTC; days since 1970-01-01.
    func day(_ name: String) throws(Problem) -> Int32? {
        guard let text = self[name] else { return nil }
        guard let moment = Timestamp(rfc3339: text + "T00:00:00Z") else {
            throw .invalid(name, "\(name) is a date as in 2026-11-01, UTC.", value: text)
        }
        return moment.day
    }

    /// A query field that holds an id of Tributary's.
    func identifier(_ name: String) throws(Problem) -> Identifier? {
        guard let text = self[name] else { return nil }
        guard let identifier = Identifier(text: text) else {
            throw .invalid(name, "\(name) is a UUID.", value: text)
        }
        return identifier
    }
}

extension CivilDate {
    /// The first day of a month of the books.
    ///
    /// - Parameter text: as `2026-11`.
    init(month text: String) throws(Problem) {
        guard text.count == 7, let start = Timestamp(rfc3339: text + "-01T00:00:00Z") else {
            throw .invalid("month", "A month is written as 2026-11.", value: text)
        }
        self.init(daysSinceEpoch: start.day)
    }

    /// As `2026-11`.
    var monthText: String { String(text.prefix(7)) }
}

extension Timestamp {
    /// The day as in `2026-11-01`.
    static func dayText(_ day: Int32) -> String {
        String(Timestamp(secondsSinceEpoch: Int64(day) * 86_400).rfc3339.prefix(10))
    }
}
