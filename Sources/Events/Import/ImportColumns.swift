import Domain

/// What each column of a file means.
struct ImportColumns: Sendable {
    enum Meaning: Sendable {
        /// A field of the event with its value as text.
        case text
        /// A whole number; what is none stays text, so that the event's reader says what is wrong with it.
        case integer
        case flag
        /// JSON as it stands.
        case json
        /// An amount in the currency's own unit, as 12.50: becomes `amount_minor`.
        case decimalAmount
        /// A column without a name.
        case nothing
    }

    struct Column: Sendable {
        /// As the header has it.
        let title: String
        /// The member of the event.
        let field: String
        let meaning: Meaning
    }

    private static let required = ["program_id", "occurred_at"]

    let list: [Column]
    private let positions: [String: Int]

    init(_ titles: [String], mapping: [String: String]) throws(ImportFile.Refusal) {
        let titles = titles.map { $0.trimmed }
        if let unknown = mapping.keys.sorted().first(where: { !titles.contains($0) }) {
            throw ImportFile.Refusal(
                code: "mapping_unknown_column",
                sentence: "The mapping names the column \(unknown.shown), which the file does not have. "
                    + ImportColumns.found(titles))
        }
        list = titles.map { Column(title: $0, mappedTo: mapping[$0]) }
        var positions: [String: Int] = [:]
        for (position, column) in list.enumerated() where column.meaning != .nothing {
            if let first = positions.updateValue(position, forKey: column.field) {
                throw ImportFile.Refusal(
                    code: "duplicate_column",
                    sentence: "Columns \(first + 1) (\(list[first].title.shown)) and \(position + 1) "
                        + "(\(column.title.shown)) both mean \(column.field.shown).")
            }
        }
        if let missing = ImportColumns.required.first(where: { positions[$0] == nil }) {
            throw ImportFile.Refusal(
                code: "missing_column",
                sentence: "The file has no column \(missing). " + ImportColumns.found(titles)
                    + " If it has another name, say so in the mapping.")
        }
        self.positions = positions
    }

    /// The position of the column that a field's value came from, from 0.
    func position(of field: String) -> Int? { positions[field] }

    private static func found(_ titles: [String]) -> String {
        "Its columns are: " + titles.map(\.shown).joined(separator: ", ") + "."
    }
}

extension ImportColumns.Column {
    /// - Parameter field: nil: the title says it, in any case, with blanks or hyphens for underscores.
    fileprivate init(title: String, mappedTo field: String?) {
        self.title = title
        let plain = title.lowercased().map { $0 == " " || $0 == "-" ? "_" : $0 }
        let name = field ?? String(plain)
        switch name {
        case "amount": (self.field, meaning) = ("amount_minor", .decimalAmount)
        case "amount_minor", "quantity": (self.field, meaning) = (name, .integer)
        case "is_test", "is_new_customer": (self.field, meaning) = (name, .flag)
        case "items": (self.field, meaning) = (name, .json)
        case "": (self.field, meaning) = ("", .nothing)
        default:
            let isKnown = EventFields.Field(name: name) != nil
            (self.field, meaning) = (isKnown || field != nil ? name : title, .text)
        }
    }
}

extension String {
    private static let shownLengthMaximum = 60

    var trimmed: String {
        let blanks: (UnicodeScalar) -> Bool = { $0.properties.isWhitespace }
        let kept = unicodeScalars.drop(while: blanks).reversed().drop(while: blanks).reversed()
        return String(String.UnicodeScalarView(kept))
    }

    /// Within a sentence.
    var shown: String { shortened(to: String.shownLengthMaximum) }
}
