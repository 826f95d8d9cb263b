/// One function, initializer, accessor block or test of a file.
struct FunctionExtent {
    let line: Int
    let length: Int
    /// How many blocks lie inside each other in the body.
    let nesting: Int
}

/// Finds functions by their braces in code without comments and strings.
struct FunctionScanner {
    private struct Block {
        let isFunction: Bool
        let isControl: Bool
        let line: Int
        var nesting = 0
    }

    private var blocks: [Block] = []
    private var functions: [FunctionExtent] = []
    /// The code since the last brace: what the next brace belongs to.
    private var head = ""

    static func scan(_ code: [String]) -> [FunctionExtent] {
        var scanner = FunctionScanner()
        for (index, line) in code.enumerated() { scanner.read(line, number: index + 1) }
        return scanner.functions
    }

    private mutating func read(_ line: String, number: Int) {
        for character in line {
            switch character {
            case "{": open(number)
            case "}": close(number)
            case ";": head = ""
            default: head.append(character)
            }
        }
        head.append("\n")
    }

    private mutating func open(_ line: Int) {
        let last = FunctionScanner.lastStatement(of: head)
        let isFunction = FunctionScanner.isFunctionHead(last)
        blocks.append(Block(isFunction: isFunction, isControl: FunctionScanner.isControlHead(last), line: line))
        if blocks[blocks.count - 1].isControl, let function = blocks.lastIndex(where: \.isFunction) {
            let depth = blocks[function...].filter(\.isControl).count
            blocks[function].nesting = max(blocks[function].nesting, depth)
        }
        head = ""
    }

    private mutating func close(_ line: Int) {
        head = ""
        guard let block = blocks.popLast(), block.isFunction else { return }
        functions.append(
            FunctionExtent(line: block.line, length: line - block.line + 1, nesting: block.nesting))
    }

    /// A head may span lines, as long signatures do; it begins with the last line that has a keyword of a declaration.
    private static func lastStatement(of head: String) -> Substring {
        let lines = head.split(separator: "\n")
        let start = lines.lastIndex { line in
            isFunctionHead(line) || isControlHead(line)
        }
        // Lines after the keyword must continue it: an opening parenthesis or an arrow keeps them together.
        return Substring(lines[(start ?? max(0, lines.count - 1))...].joined(separator: " "))
    }

    private static func words(_ text: Substring) -> [Substring] {
        text.split { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "@" }
    }

    private static func isFunctionHead(_ text: Substring) -> Bool {
        let words = words(text)
        return words.contains("func") || words.contains("deinit")
            || text.firstRange(of: "init(") != nil || text.firstRange(of: "init<") != nil
            || text.firstRange(of: "init?(") != nil
    }

    private static func isControlHead(_ text: Substring) -> Bool {
        let controls: Set<Substring> = [
            "if", "for", "while", "switch", "do", "else", "catch", "guard", "repeat", "defer",
        ]
        return words(text).contains { controls.contains($0) }
    }
}
