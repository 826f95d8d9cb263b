import Foundation

/// The lines of a file as bytes, without reading more than a chunk ahead. Empty lines are left out, and the mark that
/// some editors put before UTF-8.
struct LineReader {
    private static let chunkBytes = 1 << 20

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let gzip: [UInt8] = [0x1F, 0x8B]

    private let path: String
    private let file: FileHandle
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    /// - Throws: `UnusableFile` if the file cannot be opened or is compressed.
    init(path: String) throws {
        self.path = path
        do { file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)) } catch {
            throw UnusableFile(path, error)
        }
        try readOn()
        guard !buffer.starts(with: LineReader.gzip) else {
            throw UnusableFile(path, reason: "it is compressed with gzip; unpack it first")
        }
        if buffer.starts(with: LineReader.mark) { position = LineReader.mark.count }
    }

    /// - Returns: nil at the end.
    /// - Throws: `UnusableFile`.
    mutating func next() throws -> [UInt8]? {
        while true {
            if let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[position..<end])
                position = end + 1
                if !line.isEmpty { return line }
            } else if isAtEnd {
                let line = Array(buffer[position...])
                position = buffer.count
                return line.isEmpty ? nil : line
            } else {
                try readOn()
            }
        }
    }

    private mutating func readOn() throws {
        buffer.removeSubrange(..<position)
        position = 0
        do {
            let chunk = try file.read(upToCount: LineReader.chunkBytes) ?? Data()
            isAtEnd = chunk.isEmpty
            buffer += chunk
        } catch {
            throw UnusableFile(path, error)
        }
    }
}
