import Foundation

/// A file that a verb was given, by path or option, and cannot use, in a sentence for the person at the terminal.
struct UnusableFile: Error, CustomStringConvertible {
    let path: String
    let reason: String

    init(_ path: String, _ error: any Error) {
        self.path = path
        reason = UnusableFile.reason(error)
    }

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
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            place(context) + context.debugDescription
        default:
            ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError).localizedDescription
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? "" : path + ": "
    }
}
