import Foundation
import Hummingbird

/// What everybody may read: the description of the API, style, script, and whether the console lives.
enum OpenRoutes {
    static func all(_ services: Services, resources: Resources) -> [Route] {
        [
            .open(.get, "/") { _ in .redirect(to: "/console") },
            .open(.get, "/openapi.json") { _ in file(resources.openAPI, "application/json") },
            .open(.get, "/static/console.css") { _ in file(resources.style, "text/css; charset=utf-8") },
            .open(.get, "/static/console.js") { _ in file(resources.script, "text/javascript; charset=utf-8") },
            .open(.get, "/static/icon.svg") { _ in file(resources.icon, "image/svg+xml") },
            .open(.get, "/healthz") { _ in
                Answer(status: .ok, contentType: "text/plain; charset=utf-8", body: Array("ok\n".utf8))
            },
            .open(.get, "/readyz") { _ in
                try await services.pool.ping()
                return Answer(status: .ok, contentType: "text/plain; charset=utf-8", body: Array("ready\n".utf8))
            },
        ]
    }

    private static func file(_ bytes: [UInt8], _ contentType: String) -> Answer {
        Answer(status: .ok, contentType: contentType, body: bytes, headers: [.cacheControl: "max-age=60"])
    }
}

/// The files that travel with the program, read once.
struct Resources: Sendable {
    let openAPI: [UInt8]
    let style: [UInt8]
    let script: [UInt8]
    let icon: [UInt8]
    /// Mustache texts by name.
    let templates: [String: String]

    private static let templateSuffix = ".mustache"

    /// - Throws: if the program was installed without its resources.
    init() throws {
        let root = Bundle.module.bundleURL.appendingPathComponent("Resources")
        func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: root.appendingPathComponent(name))) }
        openAPI = try read("openapi.json")
        style = try read("static/console.css")
        script = try read("static/console.js")
        icon = try read("static/icon.svg")
        let names = try FileManager.default.contentsOfDirectory(
            atPath: root.appendingPathComponent("templates").path)
        var templates: [String: String] = [:]
        for name in names where name.hasSuffix(Resources.templateSuffix) {
            let text = String(decoding: try read("templates/" + name), as: UTF8.self)
            templates[String(name.dropLast(Resources.templateSuffix.count))] = text
        }
        self.templates = templates
    }
}
