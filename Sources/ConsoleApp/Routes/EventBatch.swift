/// The events of a request, each as the bytes that were sent: they reach the topic unchanged.
struct EventBatch: Sendable {
    static let eventsMaximum = 1_000

    let events: [ArraySlice<UInt8>]

    /// - Parameter isLines: NDJSON, one event a line; else a JSON object, or an array of them.
    init(_ body: [UInt8], isLines: Bool) throws(Problem) {
        events = isLines ? EventBatch.lines(body) : try EventBatch.elements(body)
        guard !events.isEmpty else {
            throw Problem(.badRequest, "no_events", "The body holds no event.")
        }
        guard events.count <= EventBatch.eventsMaximum else {
            throw Problem(
                .contentTooLarge, "too_many_events", "A request carries at most \(EventBatch.eventsMaximum) events.",
                value: String(events.count))
        }
    }

    private static func lines(_ body: [UInt8]) -> [ArraySlice<UInt8>] {
        body.split(separator: UInt8(ascii: "\n")).map(trimmed).filter { !$0.isEmpty }
    }

    private static func elements(_ body: [UInt8]) throws(Problem) -> [ArraySlice<UInt8>] {
        let text = trimmed(body[...])
        guard text.first == UInt8(ascii: "[") else { return text.isEmpty ? [] : [text] }
        guard text.last == UInt8(ascii: "]"), text.count >= 2 else {
            throw Problem(.badRequest, "invalid_json", "The array of events does not end.")
        }
        let inside = text.dropFirst().dropLast()
        return trimmed(inside).isEmpty ? [] : separated(inside).map(trimmed)
    }

    /// Splits at the commas that lie in no string, object or array; whether a part is JSON is judged by its reader.
    private static func separated(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        var depth = 0
        var isInString = false
        var isEscaped = false
        for (index, byte) in zip(text.indices, text) {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isInString: isEscaped = true
            case UInt8(ascii: "\""): isInString.toggle()
            case _ where isInString: break
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ",") where depth == 0:
                parts.append(text[start..<index])
                start = index + 1
            default: break
            }
        }
        parts.append(text[start...])
        return parts
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return text[first...last]
    }
}
