/// The parts of a form with a file in it, as a browser posts them (RFC 7578).
struct MultipartForm: Sendable {
    struct File: Sendable {
        /// What the user's machine calls it.
        let name: String
        let bytes: ArraySlice<UInt8>
    }

    static let partsMaximum = 32
    /// Of a part that is no file.
    static let fieldBytesMaximum = 64 << 10
    private static let headerBytesMaximum = 4 << 10
    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    /// The parts that are no files.
    let form: Form
    private var files: [String: File] = [:]

    /// - Returns: nil for a body of another type.
    init?(_ body: [UInt8], contentType: String) throws(Problem) {
        guard contentType.lowercased().hasPrefix("multipart/form-data") else { return nil }
        guard let boundary = MultipartForm.boundary(in: contentType) else { throw MultipartForm.malformed }
        let opening = Array("--\(boundary)".utf8)
        let closing = MultipartForm.lineEnd + opening
        guard body.starts(with: opening) else { throw MultipartForm.malformed }
        var fields: [(name: String, value: String)] = []
        var rest = body.dropFirst(opening.count)
        var parts = 0
        while rest.starts(with: MultipartForm.lineEnd) {
            parts += 1
            rest = rest.dropFirst(MultipartForm.lineEnd.count)
            let header = try MultipartForm.header(of: rest)
            let content = rest.dropFirst(header.bytes)
            guard parts <= MultipartForm.partsMaximum, let end = content.place(of: closing) else {
                throw MultipartForm.malformed
            }
            if let fileName = header.fileName {
                files[header.name] = File(name: fileName, bytes: content[..<end])
            } else {
                guard let text = String(validating: content[..<end], as: UTF8.self),
                    text.utf8.count <= MultipartForm.fieldBytesMaximum
                else { throw MultipartForm.malformed }
                fields.append((header.name, text))
            }
            rest = content[(end + closing.count)...]
        }
        guard rest.starts(with: Array("--".utf8)) else { throw MultipartForm.malformed }
        form = Form(fields)
    }

    /// - Returns: nil if the user chose none.
    func file(_ name: String) -> File? {
        files[name].flatMap { $0.name.isEmpty && $0.bytes.isEmpty ? nil : $0 }
    }

    private static let malformed = Problem(
        .badRequest, "invalid_form", "The form cannot be read: its parts do not begin and end as their header says.")

    private static func boundary(in contentType: String) -> String? {
        guard let mark = contentType.firstRange(of: "boundary=") else { return nil }
        let value = contentType[mark.upperBound...].prefix { $0 != ";" }
        let boundary = value.filter { $0 != "\"" && $0 != " " }
        return (1...70).contains(boundary.utf8.count) ? boundary : nil
    }

    private struct Header {
        /// Its size with the empty line behind it.
        let bytes: Int
        let name: String
        let fileName: String?
    }

    private static func header(of part: ArraySlice<UInt8>) throws(Problem) -> Header {
        let end = lineEnd + lineEnd
        let start = part.prefix(headerBytesMaximum)
        guard let place = start.place(of: end) else { throw malformed }
        let lines = String(decoding: start[..<place], as: UTF8.self).split(separator: "\r\n")
        guard let line = lines.first(where: { $0.lowercased().hasPrefix("content-disposition:") }),
            let name = parameter("name", of: line)
        else { throw malformed }
        return Header(
            bytes: place - part.startIndex + end.count, name: name, fileName: parameter("filename", of: line))
    }

    /// Browsers write a quote in a name as `%22`.
    private static func parameter(_ name: String, of line: Substring) -> String? {
        guard let mark = line.firstRange(of: "; \(name)=\"") else { return nil }
        return String(line[mark.upperBound...].prefix { $0 != "\"" }).replacing("%22", with: "\"")
    }
}

extension ArraySlice<UInt8> {
    /// Where `pattern`, which begins with a line end, is for the first time.
    fileprivate func place(of pattern: [UInt8]) -> Int? {
        let found = withUnsafeBufferPointer { bytes -> Int? in
            var index = 0
            while index + pattern.count <= bytes.count {
                if bytes[index] == pattern[0], pattern.indices.allSatisfy({ bytes[index + $0] == pattern[$0] }) {
                    return index
                }
                index += 1
            }
            return nil
        }
        return found.map { startIndex + $0 }
    }
}
