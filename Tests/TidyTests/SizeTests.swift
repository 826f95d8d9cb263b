import Testing

@Suite struct SizeTests {
    private static let files = SourceTree.current.files

    @Test("No file is longer than 400 lines, no test file longer than 600")
    func fileLength() {
        for file in SizeTests.files {
            let limit = file.isTest ? 600 : 400
            #expect(file.lines.count <= limit + 1, "\(file.path) has \(file.lines.count - 1) lines")
        }
    }

    @Test("No line is wider than 120 columns")
    func lineWidth() {
        for file in SizeTests.files {
            for (index, line) in file.lines.enumerated() where line.count > 120 {
                Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
    }

    @Test("No function is longer than 60 lines or nested deeper than 3 blocks")
    func functions() {
        for file in SizeTests.files {
            for function in FunctionScanner.scan(file.code) {
                #expect(function.length <= 60, "\(file.path):\(function.line) is \(function.length) lines long")
                #expect(function.nesting <= 3, "\(file.path):\(function.line) is nested \(function.nesting) deep")
            }
        }
    }

    @Test("The scanner sees functions, their length and their depth, through comments and strings")
    func scanner() {
        let text = """
            struct A {
                // func no() {
                func one(_ a: Int,
                         b: Int) -> String {
                    let text = "{ \\(a) }"
                    for x in y {
                        if x { while z { print("}") } }
                    }
                    return text
                }
                init() { /* { */ }
            }
            """
        let found = FunctionScanner.scan(CodeScanner.strip(text))
        #expect(found.map(\.line) == [4, 11])
        #expect(found.map(\.length) == [7, 1])
        #expect(found.map(\.nesting) == [3, 0])
    }
}
