import Foundation
import Testing

/// The files that deploy the fleet, held against the package and the sources.
@Suite("Deployment files agree with the code")
struct DeploymentTests {
    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: ScoringFleet.repository + "/" + path, encoding: .utf8)
    }

    @Test("Every executable of the package has a service in docker-compose.yml, and every build an executable")
    func services() throws {
        let executables = Set(try text("Package.swift").matches(of: /program\(\s*"([a-z-]+)"/).map { $0.1 })
        let built = Set(try text("docker-compose.yml").matches(of: /EXECUTABLE: ([a-z-]+)/).map { $0.1 })
        #expect(!executables.isEmpty)
        #expect(executables == built)
    }

    @Test("No worker has a name or a host port of its own, so each can be scaled")
    func scalable() throws {
        let compose = try text("docker-compose.yml")
        #expect(!compose.contains("container_name"))
        #expect(compose.matches(of: /\n    ports:/).count == 1)
    }

    @Test("Each scorer of a scaled fleet finds partitions")
    func partitions() throws {
        let topic = try text("topics/conversions.raw.yaml")
        let partitions = try #require(topic.firstMatch(of: /\npartitions: ([0-9]+)/)).1
        #expect(try #require(Int(partitions)) >= 4)
    }
}
