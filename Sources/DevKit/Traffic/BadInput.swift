import Domain

/// The records of the sample traffic that no rule accepts, and what becomes of each.
enum BadInput: CaseIterable {
    /// 101: no `event_id`.
    case missingField
    /// 102: the amount is a text.
    case mistypedField
    /// 103: it occurred in 2099.
    case future
    /// 104: an `impression`.
    case unknownType
    /// 105: an `event_id` of 65 characters.
    case textTooLong
    /// 106: the 30th of February.
    case unreadableDate
    /// 107: a quantity of 0.
    case notPositive
    /// 601.
    case negativeAmount
    /// 602: thirty digits.
    case amountOverflow
    /// 603: `QQQ`.
    case unknownCurrency
    /// Dead letter 190: a line of a log.
    case notJSON
    /// Dead letter 190: half an object.
    case truncated
    /// Dead letter 191: a lone byte 0xFF.
    case notUTF8
    /// Dead letter 192: a list.
    case notAnObject
    /// Dead letter 194: 2 MB of text.
    case tooLarge
    /// Dead letter 195: 40 lists within each other.
    case tooDeep

    /// Readable as JSON, refused with a code.
    static let rejected: [BadInput] = [
        .missingField, .mistypedField, .future, .unknownType, .textTooLong, .unreadableDate, .notPositive,
        .negativeAmount, .amountOverflow, .unknownCurrency,
    ]
    /// Not readable. One of each per file: many at once rightly hold a partition.
    static let dead: [BadInput] = [.notJSON, .truncated, .notUTF8, .notAnObject, .tooLarge, .tooDeep]

    private static let largeBytes = 2_000_000

    /// - Parameter conversion: a good event, which the bad one resembles but for its fault.
    func line(spoiling conversion: SampleEvent) -> [UInt8] {
        let good = String(decoding: conversion.line, as: UTF8.self)
        switch self {
        case .missingField: return replacing("\"event_id\"", in: good, by: "\"event\"")
        case .mistypedField: return replacing("\"amount_minor\":", in: good, by: "\"amount_minor\":\"12.50\",\"was\":")
        case .future:
            var event = conversion
            event.occurredAt = Timestamp(secondsSinceEpoch: 4_070_908_800)
            return event.line
        case .unknownType: return replacing("\"conversion\"", in: good, by: "\"impression\"")
        case .textTooLong:
            var event = conversion
            event.eventID = String(repeating: "e", count: 65)
            return event.line
        case .unreadableDate: return replacing("\"occurred_at\":\"20", in: good, by: "\"occurred_at\":\"2025-02-30 20")
        case .notPositive: return replacing("\"amount_minor\"", in: good, by: "\"quantity\":0,\"amount_minor\"")
        case .negativeAmount: return replacing("\"amount_minor\":", in: good, by: "\"amount_minor\":-")
        case .amountOverflow:
            return replacing("\"amount_minor\":", in: good, by: "\"amount_minor\":" + String(repeating: "9", count: 30))
        case .unknownCurrency:
            var event = conversion
            event.currency = "QQQ"
            return event.line
        case .notJSON: return Array("WARN tracking: queue full, 3 events dropped".utf8)
        case .truncated: return Array(conversion.line.prefix(60))
        case .notUTF8:
            return replacing("\"event_id\":\"", in: good, by: "\"event_id\":\"#").map { $0 == 35 ? 0xFF : $0 }
        case .notAnObject: return Array("[1,2,3]".utf8)
        case .tooLarge:
            var event = conversion
            event.subID = String(repeating: "x", count: BadInput.largeBytes)
            return event.line
        case .tooDeep:
            let nested = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
            return replacing("\"amount_minor\"", in: good, by: "\"extra\":\(nested),\"amount_minor\"")
        }
    }

    private func replacing(_ part: String, in text: String, by other: String) -> [UInt8] {
        let pattern = Array(part.utf8)
        let bytes = Array(text.utf8)
        guard bytes.count >= pattern.count,
            let start = (0...(bytes.count - pattern.count)).first(where: {
                bytes[$0..<($0 + pattern.count)].elementsEqual(pattern)
            })
        else { preconditionFailure("the sample has no \(part)") }
        return Array(bytes[..<start]) + Array(other.utf8) + Array(bytes[(start + pattern.count)...])
    }
}
