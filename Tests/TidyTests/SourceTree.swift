import Foundation

/// The Swift files of the package, read once.
struct SourceTree: Sendable {
    struct File: Sendable {
        /// From the package root, as in `Sources/Domain/Money.swift`.
        let path: String
        let lines: [Substring]
        /// The lines without comments and without the contents of string literals: what a compiler would act on.
        let code: [String]

        var isTest: Bool { path.hasPrefix("Tests/") }
        var name: String { String(path.split(separator: "/").last ?? "") }
        /// The folder below Sources or Tests.
        var module: String { String(path.split(separator: "/").dropFirst().first ?? "") }
    }

    static let current = SourceTree()

    let root: URL
    let files: [File]

    private init() {
        root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var files: [File] = []
        for folder in ["Sources", "Tests"] {
            let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            for case let name as String in names ?? .init() where name.hasSuffix(".swift") {
                let path = "\(folder)/\(name)"
                let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
                guard let text else { continue }
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                files.append(File(path: path, lines: lines, code: CodeScanner.strip(text)))
            }
        }
        self.files = files.sorted { $0.path < $1.path }
    }
}
