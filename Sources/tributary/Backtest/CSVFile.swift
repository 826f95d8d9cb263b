import Domain
import Foundation

/// A file of comma-separated values, written in large pieces.
struct CSVFile: ~Copyable {
    private static let bufferBytes = 1 << 20

    private let file: FileHandle
    private var buffer: [UInt8]

    init(path: String, header: [String]) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else { throw UnusableFile(path, reason: "it cannot be written") }
        self.file = file
        buffer = Array(CSVText.row(header).utf8)
    }

    mutating func write(_ cells: [String]) throws {
        buffer += CSVText.row(cells).utf8
        if buffer.count >= CSVFile.bufferBytes { try flush() }
    }

    mutating func flush() throws {
        try file.write(contentsOf: buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A probability or money with six decimals, the same on every machine.
func decimal(_ value: Double, places: Int = 6) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (min(max(value, -1e12), 1e12) * scale).rounded()
    let magnitude = String(Int64(scaled.magnitude))
    let digits = String(repeating: "0", count: max(0, places + 1 - magnitude.count)) + magnitude
    return (scaled < 0 ? "-" : "") + digits.dropLast(places) + (places > 0 ? "." : "") + digits.suffix(places)
}
