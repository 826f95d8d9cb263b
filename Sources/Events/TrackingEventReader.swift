import Domain

/// Reads the records of `conversions.raw`: the object of the event, or a CloudEvents 1.0 record around it.
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
            return .event(try TrackingEvent(fields, contentHash: contentHash))
        } catch {
            return .rejected(error)
        }
    }
}
