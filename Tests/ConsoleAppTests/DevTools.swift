import Foundation

/// The messages of Chromium's DevTools protocol: JSON objects, each ended by a zero byte.
enum DevTools {
    /// A JSON value in a request.
    indirect enum Value: Encodable, Sendable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
        ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
    {
        case text(String)
        case number(Double)
        case flag(Bool)
        case list([Value])
        case object([String: Value])

        init(stringLiteral value: String) { self = .text(value) }
        init(booleanLiteral value: Bool) { self = .flag(value) }
        init(integerLiteral value: Int) { self = .number(Double(value)) }
        init(arrayLiteral elements: Value...) { self = .list(elements) }
        init(dictionaryLiteral elements: (String, Value)...) {
            self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number) where number == number.rounded(): try container.encode(Int(number))
            case .number(let number): try container.encode(number)
            case .flag(let flag): try container.encode(flag)
            case .list(let values): try container.encode(values)
            case .object(let members): try container.encode(members)
            }
        }
    }

    /// A reply, which has an id, or an event, which has a method.
    struct Message: Sendable {
        private struct Head: Decodable {
            struct Failure: Decodable { let message: String }
            let id: Int?
            let method: String?
            let error: Failure?
        }

        private struct Reply<Result: Decodable>: Decodable { let result: Result }

        let id: Int?
        let method: String?
        let error: String?
        private let data: Data

        /// - Returns: nil for bytes that are no message.
        init?(_ data: Data) {
            guard let head = try? JSONDecoder().decode(Head.self, from: data) else { return nil }
            id = head.id
            method = head.method
            error = head.error?.message
            self.data = data
        }

        var text: String { String(decoding: data, as: UTF8.self) }

        func result<Result: Decodable>() throws -> Result {
            try JSONDecoder().decode(Reply<Result>.self, from: data).result
        }
    }

    /// What an expression came to: a value, or the text of an exception.
    struct Evaluation<Value: Decodable>: Decodable {
        private struct Holder: Decodable { let value: Value }
        private struct Exception: Decodable { let text: String }
        private enum Key: CodingKey { case result, exceptionDetails }

        let result: Value?
        let failure: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            failure = try container.decodeIfPresent(Exception.self, forKey: .exceptionDetails)?.text
            result = failure == nil ? try container.decode(Holder.self, forKey: .result).value : nil
        }
    }

    /// Cuts a stream of bytes into messages.
    struct Splitter {
        private var rest = Data()

        mutating func add(_ bytes: Data) -> [Message] {
            rest.append(bytes)
            var messages: [Message] = []
            while let end = rest.firstIndex(of: 0) {
                if let message = Message(Data(rest[rest.startIndex..<end])) { messages.append(message) }
                rest = Data(rest[(end + 1)...])
            }
            return messages
        }
    }
}
