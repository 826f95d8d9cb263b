import Foundation

/// A file that a verb was given, by path or option, and cannot use, in a sentence for the person at the terminal.
struct UnusableFile: Error, CustomStringConvertible {
    let path: String
    let reason: String

    init(_ path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    init(_ path: String, _ error: any Error) { self.init(path, reason: UnusableFile.reason(error)) }

    var description: String { "\(path): \(reason)" }

    /// - Throws: `UnusableFile`.
    static func read(_ path: String) throws -> Data {
        do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch { throw UnusableFile(path, error) }
    }

    /// - Returns: what a file's array of objects describes.
    /// - Throws: `UnusableFile`, with the place in the file.
    static func decode<Item: Decodable>(_: Item.Type, _ data: Data, of path: String) throws -> [Item] {
        do { return try JSONDecoder().decode([Item].self, from: data) } catch { throw UnusableFile(path, error) }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context): place(context) + "\(key.stringValue) is missing"
        case DecodingError.typeMismatch(let type, let context), DecodingError.valueNotFound(let type, let context):
            place(context) + "it should be \(name(of: type))"
        case DecodingError.dataCorrupted(let context): place(context) + context.debugDescription
        default: reason(of: error as NSError)
        }
    }

    /// The system's own words, where it was the system that refused.
    private static func reason(of error: NSError) -> String {
        let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
        return cause.domain == NSPOSIXErrorDomain
            ? String(cString: strerror(Int32(cause.code))) : cause.localizedDescription
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is any Numeric.Type: "a number"
        case is any Collection.Type where !(type is [String: Any].Type): "a list"
        default: "an object"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? "" : path + ": "
    }
}
