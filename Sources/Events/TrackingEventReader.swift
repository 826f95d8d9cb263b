import Domain

/// Reads the records of `conversions.raw`: the object of the event, or a CloudEvents 1.0 record around it.
///
/// Fields are checked in a fixed order (version, identity, type, time, programme, the type's own fields), so a
/// record with several faults always gets the same code.
public enum TrackingEventReader {
    /// Bytes that a record may have.
    public static let recordBytesMaximum = 1 << 20
    /// The newest major version of the event's schema that this program reads; a record without one is version 1.
    public static let schemaMajor: Int64 = 1

    /// - Parameter value: the record's value; nil for Kafka's null.
    public static func read(_ value: ArraySlice<UInt8>?) -> TrackingEventReading {
        guard let value, !value.isEmpty else { return .unreadable(.emptyRecord, measured: "0 bytes") }
        guard value.count <= recordBytesMaximum else {
            return .unreadable(.recordTooLarge, measured: "\(value.count) bytes")
        }
        guard (try? UTF8Span(validating: value.span)) != nil else {
            // What the thrown error adds is the position, which nobody can mend from here.
            return .unreadable(.notUTF8, measured: "\(value.count) bytes")
        }
        return value.withUnsafeBytes { bytes in
            do throws(JSONScanner.Failure) {
                let fields = try EventFields(bytes)
                if let major = fields.futureMajor(above: schemaMajor) { return .futureSchema(major: major) }
                return judge(fields, contentHash: Identifier(hashing: value))
            } catch {
                return unreadable(error, bytes)
            }
        }
    }

    private static func unreadable(
        _ failure: JSONScanner.Failure, _ bytes: UnsafeRawBufferPointer
    ) -> TrackingEventReading {
        let start = String(decoding: bytes.prefix(40), as: UTF8.self)
        if failure == .tooDeep { return .unreadable(.nestedTooDeep, measured: start) }
        var scanner = JSONScanner(bytes)
        do throws(JSONScanner.Failure) {
            _ = try scanner.value()
            return .unreadable(scanner.isAtEnd() ? .notAnObject : .notJSON, measured: start)
        } catch {
            return .unreadable(error == .tooDeep ? .nestedTooDeep : .notJSON, measured: start)
        }
    }

    private static func judge(_ fields: EventFields, contentHash: Identifier) -> TrackingEventReading {
        do throws(EventRejection) {
            return .event(try event(fields, contentHash: contentHash))
        } catch {
            return .rejected(error)
        }
    }

    private static func event(
        _ fields: EventFields, contentHash: Identifier
    ) throws(EventRejection) -> TrackingEvent {
        try fields.checkMajor()
        let eventID = try fields.required(.eventID, limit: TrackingEvent.eventIDLengthMaximum)
        let typeName = try fields.required(.type)
        guard let kind = TrackingEvent.Kind(name: typeName) else { throw fields.rejection(.unknownType, .type) }
        let occurredText = try fields.required(.occurredAt)
        guard let occurredAt = Timestamp(rfc3339: occurredText) else {
            throw fields.rejection(.unreadableDate, .occurredAt)
        }
        let programID = try fields.required(.programID)
        let affiliateID = try fields.text(.affiliateID)
        let clickID = try fields.text(.clickID)
        let orderID = try fields.text(.orderID)
        let quantity = try fields.quantity()
        switch kind {
        case .click:
            _ = try fields.required(.affiliateID)
            _ = try fields.required(.clickID)
        case .conversion where quantity > 1: break
        case .conversion, .refund, .chargeback: _ = try fields.required(.orderID)
        }
        return TrackingEvent(
            kind: kind, eventID: eventID, eventKey: Identifier(hashing: "event", eventID), contentHash: contentHash,
            occurredAt: occurredAt, programID: programID, affiliateID: affiliateID, clickID: clickID,
            orderID: orderID, refundID: try fields.text(.refundID) ?? eventID,
            amountMinor: kind == .click ? 0 : try fields.amountMinor(),
            currency: kind == .click ? nil : try fields.currency(), quantity: quantity,
            isTest: try fields.flag(.isTest), customerID: try fields.text(.customerID),
            coupon: try fields.text(.coupon), subID: try fields.text(.subID), ip: try fields.text(.ip),
            deviceID: try fields.text(.deviceID), country: try fields.text(.country))
    }
}
