/// The routing number of a bank in the United States.
public struct RoutingNumber: Hashable, Sendable {
    /// Why a text is none; raw values are stable codes.
    public enum Invalid: String, Error, CaseIterable, Sendable {
        case notNineDigits = "routing_number_malformed"
        case unassigned = "routing_number_unassigned"
        case wrongCheckDigit = "routing_number_check_digit"

        public var sentence: String {
            switch self {
            case .notNineDigits: "A routing number is nine digits."
            case .unassigned: "No bank has a routing number that begins like this."
            case .wrongCheckDigit: "The last digit of the routing number does not agree with the others: one is wrong."
            }
        }
    }

    /// Nine digits.
    public let text: String

    public init(_ text: String) throws(Invalid) {
        let digits = text.utf8.map { Int($0) - Int(UInt8(ascii: "0")) }
        guard digits.count == 9, digits.allSatisfy({ (0...9).contains($0) }) else { throw .notNineDigits }
        guard zip(digits, [3, 7, 1, 3, 7, 1, 3, 7, 1]).reduce(0, { $0 + $1.0 * $1.1 }).isMultiple(of: 10) else {
            throw .wrongCheckDigit
        }
        let prefix = digits[0] * 10 + digits[1]
        let isAssigned = [0...12, 21...32, 61...72, 80...80].contains { $0.contains(prefix) }
        guard isAssigned, digits.contains(where: { $0 != 0 }) else { throw .unassigned }
        self.text = text
    }
}
