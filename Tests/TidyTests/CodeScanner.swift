/// Blanks comments and string literals, keeping lines, so that a scan of the rest sees code only.
struct CodeScanner {
    private enum Mode: Equatable {
        case code
        case lineComment
        case blockComment(depth: Int)
        /// `closing` ends the literal; interpolations count as its contents.
        case string(closing: [Character])
    }

    private let text: [Character]
    private var position = 0
    private var mode = Mode.code
    private var output: [String] = [""]

    static func strip(_ text: String) -> [String] {
        var scanner = CodeScanner(text: Array(text))
        while scanner.position < scanner.text.count { scanner.step() }
        return scanner.output
    }

    private init(text: [Character]) { self.text = text }

    private mutating func step() {
        let character = text[position]
        if character == "\n" {
            output.append("")
            if mode == .lineComment { mode = .code }
            position += 1
            return
        }
        switch mode {
        case .code: stepInCode(character)
        case .lineComment: position += 1
        case .blockComment(let depth): stepInBlockComment(depth)
        case .string(let closing): stepInString(closing)
        }
    }

    private mutating func stepInCode(_ character: Character) {
        if starts("//") {
            mode = .lineComment
            position += 2
        } else if starts("/*") {
            mode = .blockComment(depth: 1)
            position += 2
        } else if let opening = literalOpening() {
            mode = .string(closing: opening.closing)
            position += opening.length
            emit("\"")
        } else {
            emit(character)
            position += 1
        }
    }

    private mutating func stepInBlockComment(_ depth: Int) {
        if starts("*/") {
            mode = depth == 1 ? .code : .blockComment(depth: depth - 1)
            position += 2
        } else if starts("/*") {
            mode = .blockComment(depth: depth + 1)
            position += 2
        } else {
            position += 1
        }
    }

    private mutating func stepInString(_ closing: [Character]) {
        if starts(closing) {
            mode = .code
            position += closing.count
            emit("\"")
        } else {
            // In a raw string a backslash is itself; there it is followed by as many # as close the literal.
            let isEscape = text[position] == "\\" && !closing.contains("#")
            position += isEscape && text.indices.contains(position + 1) && text[position + 1] != "\n" ? 2 : 1
        }
    }

    private func literalOpening() -> (length: Int, closing: [Character])? {
        var hashes = 0
        while position + hashes < text.count, text[position + hashes] == "#" { hashes += 1 }
        guard position + hashes < text.count, text[position + hashes] == "\"" else { return nil }
        let isLong = starts([Character](repeating: "#", count: hashes) + ["\"", "\"", "\""])
        let quotes = [Character](repeating: "\"", count: isLong ? 3 : 1)
        return (hashes + quotes.count, quotes + [Character](repeating: "#", count: hashes))
    }

    private mutating func emit(_ character: Character) { output[output.count - 1].append(character) }

    private func starts(_ word: String) -> Bool { starts(Array(word)) }

    private func starts(_ word: [Character]) -> Bool {
        position + word.count <= text.count && text[position..<(position + word.count)].elementsEqual(word)
    }
}
