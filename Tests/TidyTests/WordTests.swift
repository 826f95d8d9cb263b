import Foundation
import Testing

@Suite struct WordTests {
    private static let tree = SourceTree.current

    @Test(
        "What would take safety away appears nowhere",
        arguments: [
            "@unchecked Sendable", "nonisolated(unsafe)", "try!", "as!", "fatalError(", "@preconcurrency",
            "unsafeBitCast", "withoutActuallyEscaping",
        ])
    func forbiddenCode(word: String) {
        for file in WordTests.tree.files {
            for (index, line) in file.code.enumerated() where line.contains(word) {
                Issue.record("\(file.path):\(index + 1) says \(word)")
            }
        }
    }

    @Test("Nothing is left to be done in a comment", arguments: ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK"])
    func leftovers(word: String) {
        for file in WordTests.tree.files {
            for (index, line) in file.lines.enumerated() where line.contains(word) {
                Issue.record("\(file.path):\(index + 1) says \(word)")
            }
        }
    }

    @Test("No test sleeps: it waits for a signal")
    func sleeping() {
        for file in WordTests.tree.files where file.isTest {
            for (index, line) in file.code.enumerated() {
                let sleeps = ["Task.sleep", "usleep(", "Thread.sleep", " sleep("].contains { line.contains($0) }
                #expect(!sleeps, "\(file.path):\(index + 1) sleeps")
            }
        }
    }

    @Test("No file is named after nothing", arguments: ["Util", "Helper", "Manager", "Common", "Misc", "Stub"])
    func names(word: String) {
        for file in WordTests.tree.files {
            #expect(!file.name.contains(word), "\(file.path) is called \(word)")
        }
    }

    @Test("The top level holds what the architecture lists and nothing else")
    func layout() throws {
        let wanted: Set = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "deploy", "topics", "docker-compose.yml",
            "README.md", "CONTRIBUTING.md",
        ]
        let names = try FileManager.default.contentsOfDirectory(atPath: WordTests.tree.root.path)
        let visible = Set(names.filter { !$0.hasPrefix(".") })
        #expect(visible.subtracting(wanted).isEmpty, "unexpected: \(visible.subtracting(wanted).sorted())")
        #expect(wanted.subtracting(visible).isEmpty, "missing: \(wanted.subtracting(visible).sorted())")
    }
}
