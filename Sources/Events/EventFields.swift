import Domain

/// The known fields of an event record as they stand, each checked when it is asked for.
struct EventFields {
    enum Field: Int, CaseIterable {
        case eventID, type, occurredAt, programID, affiliateID, clickID, orderID, refundID, amountMinor
        case currency, quantity, isTest, customerID, coupon, subID, ip, deviceID, country
        case isNewCustomer, items, userAgent, referrer, landingURL
        case major, cloudEventsVersion, data

        /// The names in the order of the cases.
        private static let names = [
            "event_id", "type", "occurred_at", "program_id", "affiliate_id", "click_id", "order_id",
            "refund_id", "amount_minor", "currency", "quantity", "is_test", "customer_id", "coupon",
            "sub_id", "ip", "device_id", "country", "is_new_customer", "items", "user_agent", "referrer", "landing_url",
            "major", "specversion", "data",
        ]

        private static let fields: [String: Field] = Dictionary(
            uniqueKeysWithValues: zip(names, allCases))

        init?(name: String) {
            guard let field = Field.fields[name] else { return nil }
            self = field
        }

        var name: String { Field.names[rawValue] }
    }

    /// Characters of a refused value that an answer repeats.
    static let measuredLengthMaximum = 80

    private var values: [JSONScanner.Value?]
    private let bytes: UnsafeRawBufferPointer

    /// - Throws: if `bytes` are not one JSON object.
    init(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Failure) {
        self.bytes = bytes
        var scanner = JSONScanner(bytes)
        values = try EventFields.scan(&scanner)
        guard scanner.isAtEnd() else { throw .malformed }
        if case .string = self[.cloudEventsVersion], case .object(let bounds) = self[.data] {
            var inner = JSONScanner(bytes, in: bounds)
            values = try EventFields.scan(&inner)
        }
    }

    /// The last member wins where a name stands twice, as in most readers.
    private static func scan(_ scanner: inout JSONScanner) throws(JSONScanner.Failure) -> [JSONScanner.Value?] {
        var values = [JSONScanner.Value?](repeating: nil, count: Field.allCases.count)
        try scanner.members { name, value throws(JSONScanner.Failure) in
            guard let field = Field(name: name) else { return }
            values[field.rawValue] = value
        }
        return values
    }

    private subscript(field: Field) -> JSONScanner.Value? {
        guard let value = values[field.rawValue] else { return nil }
        if case .null = value { return nil }
        return value
    }

    func futureMajor(above known: Int64) -> Int64? {
        guard case .integer(let major) = self[.major], major > known else { return nil }
        return major
    }

    /// - Throws: unless the version is a whole number from 1 on, or absent.
    func checkMajor() throws(EventRejection) {
        switch self[.major] {
        case nil: return
        case .integer(let major) where major > 0: return
        default: throw rejection(.mistypedField, .major)
        }
    }

    func required(_ field: Field, limit: Int = TrackingEvent.textLengthMaximum) throws(EventRejection) -> String {
        guard let text = try text(field, limit: limit) else { throw rejection(.missingField, field) }
        return text
    }

    /// - Returns: nil for an absent, null or empty text.
    func text(_ field: Field, limit: Int = TrackingEvent.textLengthMaximum) throws(EventRejection) -> String? {
        guard let value = self[field] else { return nil }
        // PostgreSQL's text holds every character but U+0000.
        guard case .string(let text) = value, !text.utf8.contains(0) else { throw rejection(.mistypedField, field) }
        guard text.utf8.count <= limit || text.unicodeScalars.count <= limit else {
            throw rejection(.textTooLong, field)
        }
        return text.isEmpty ? nil : text
    }

    /// A text that only hints at something: cut to its limit, and nil instead of a rejection for anything else.
    func hint(_ field: Field, limit: Int = TrackingEvent.hintLengthMaximum) -> String? {
        guard case .string(let text) = self[field], !text.isEmpty, !text.utf8.contains(0) else { return nil }
        return text.utf8.count <= limit ? text : text.shortened(to: limit)
    }

    func flag(_ field: Field) throws(EventRejection) -> Bool {
        try optionalFlag(field) ?? false
    }

    func optionalFlag(_ field: Field) throws(EventRejection) -> Bool? {
        switch self[field] {
        case nil: return nil
        case .bool(let flag): return flag
        default: throw rejection(.mistypedField, field)
        }
    }

    /// The lines of an order with their JSON as it stands; nil without any.
    func items() throws(EventRejection) -> ReportedItems? {
        guard let value = self[.items] else { return nil }
        guard case .array(let bounds) = value, let items = ReportedItems(bytes, in: bounds) else {
            throw rejection(.mistypedField, .items)
        }
        return items.list.isEmpty ? nil : items
    }

    func quantity() throws(EventRejection) -> Int32 {
        switch self[.quantity] {
        case nil: return 1
        case .integer(let quantity):
            guard (1...TrackingEvent.quantityMaximum).contains(quantity) else {
                throw rejection(.notPositive, .quantity)
            }
            return Int32(quantity)
        default: throw rejection(.mistypedField, .quantity)
        }
    }

    func amountMinor() throws(EventRejection) -> Int64 {
        switch self[.amountMinor] {
        case nil: throw rejection(.missingField, .amountMinor)
        case .integer(let amount):
            guard amount >= 0 else { throw rejection(.negativeAmount, .amountMinor) }
            guard amount <= TrackingEvent.amountMinorMaximum else { throw rejection(.amountOverflow, .amountMinor) }
            return amount
        case .number(let bounds):
            // Digits alone that fit no Int64 are an overflow; a fraction or an exponent is another type.
            let magnitude = bytes[bounds].drop { $0 == UInt8(ascii: "-") }
            guard magnitude.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
                throw rejection(.mistypedField, .amountMinor)
            }
            let isNegative = magnitude.count < bounds.count
            throw rejection(isNegative ? .negativeAmount : .amountOverflow, .amountMinor)
        default: throw rejection(.mistypedField, .amountMinor)
        }
    }

    func currency() throws(EventRejection) -> Currency {
        let code = try required(.currency)
        guard let currency = Currency(code: code) else { throw rejection(.currencyUnknown, .currency) }
        return currency
    }

    func rejection(_ code: ReasonCode, _ field: Field) -> EventRejection {
        EventRejection(
            code: code, measured: "\(field.name): \(shown(field))", identity: identity)
    }

    private var identity: EventIdentity {
        var identity = EventIdentity()
        identity.kind = shortText(.type).flatMap(TrackingEvent.Kind.init(name:))
        identity.eventID = shortText(.eventID)
        identity.programID = shortText(.programID, to: TrackingEvent.textLengthMaximum)
        identity.affiliateID = shortText(.affiliateID)
        identity.orderID = shortText(.orderID, to: TrackingEvent.textLengthMaximum)
        identity.occurredAt = shortText(.occurredAt).flatMap { Timestamp(rfc3339: $0) }
        return identity
    }

    private func shown(_ field: Field) -> String {
        let shown: String =
            switch self[field] {
            case nil: "absent"
            case .null: "null"
            case .bool(let flag): flag ? "true" : "false"
            case .integer(let number): String(number)
            case .number(let bounds), .object(let bounds), .array(let bounds):
                String(decoding: bytes[bounds].prefix(EventFields.measuredLengthMaximum), as: UTF8.self)
            case .string(let text): text
            }
        return shown.shortened(to: EventFields.measuredLengthMaximum).filter { $0 != "\0" }
    }

    private func shortText(_ field: Field, to length: Int = TrackingEvent.eventIDLengthMaximum) -> String? {
        guard case .string(let text) = self[field], !text.utf8.contains(0) else { return nil }
        return text.shortened(to: length)
    }
}

extension String {
    /// The first characters as PostgreSQL counts them: a letter under a thousand accents is a thousand and one.
    func shortened(to count: Int) -> String { String(UnicodeScalarView(unicodeScalars.prefix(count))) }
}
