import Foundation

/// The lines of a file as bytes, without reading more than a chunk ahead. Empty lines are left out.
struct LineReader {
    private static let chunkBytes = 1 << 20

    private let file: FileHandle
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    /// - Throws: if the file cannot be opened.
    init(path: String) throws {
        file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    }

    /// - Returns: nil at the end.
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
        guard let chunk = try file.read(upToCount: LineReader.chunkBytes), !chunk.isEmpty else {
            isAtEnd = true
            return
        }
        buffer += chunk
    }
}
