import Foundation

/// The part of JSON Schema that `topics/schema.json` uses.
enum SchemaCheck {
    /// Says what in a value is not as the schema asks for, one sentence for each fault.
    static func faults(of value: Any, by schema: [String: Any], at place: String) -> [String] {
        switch schema["type"] as? String {
        case "object": objectFaults(value as? [String: Any], schema, place)
        case "array": arrayFaults(value as? [Any], schema, place)
        case "string": stringFaults(value as? String, schema, place)
        case "integer": integerFaults(value as? Int, schema, place)
        case let type: ["\(place): the schema has an unknown type \(type ?? "none")"]
        }
    }

    private static func objectFaults(_ object: [String: Any]?, _ schema: [String: Any], _ place: String) -> [String] {
        guard let object else { return ["\(place): not an object"] }
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        let missing = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }
        let isClosed = schema["additionalProperties"] as? Bool == false
        let unknown = isClosed ? object.keys.filter { properties[$0] == nil } : []
        return missing.map { "\(place): lacks \($0)" } + unknown.map { "\(place): unknown \($0)" }
            + object.flatMap { name, value in
                properties[name].map { faults(of: value, by: $0, at: "\(place).\(name)") } ?? []
            }
    }

    private static func arrayFaults(_ array: [Any]?, _ schema: [String: Any], _ place: String) -> [String] {
        guard let array else { return ["\(place): not an array"] }
        guard array.count >= schema["minItems"] as? Int ?? 0 else { return ["\(place): too few items"] }
        guard let items = schema["items"] as? [String: Any] else { return [] }
        return array.flatMap { faults(of: $0, by: items, at: "\(place)[]") }
    }

    private static func stringFaults(_ text: String?, _ schema: [String: Any], _ place: String) -> [String] {
        guard let text else { return ["\(place): not a string"] }
        guard text.count >= schema["minLength"] as? Int ?? 0 else { return ["\(place): too short"] }
        guard let pattern = schema["pattern"] as? String else { return [] }
        return text.range(of: pattern, options: .regularExpression) == nil ? ["\(place): not like \(pattern)"] : []
    }

    private static func integerFaults(_ number: Int?, _ schema: [String: Any], _ place: String) -> [String] {
        guard let number else { return ["\(place): not an integer"] }
        let minimum = schema["minimum"] as? Int ?? .min
        let maximum = schema["maximum"] as? Int ?? .max
        return (minimum...maximum).contains(number) ? [] : ["\(place): not between \(minimum) and \(maximum)"]
    }
}
