/// How to reach a Kafka cluster.
public struct KafkaSettings: Sendable, Equatable {
    /// Host and port pairs, separated by commas.
    public var bootstrapServers: String
    /// Further librdkafka properties, such as `security.protocol` or `sasl.password`.
    ///
    /// They win over our tunable defaults and lose to the settings that correctness rests on.
    public var extra: [String: String]

    /// - Parameters:
    ///   - bootstrapServers: host and port pairs, separated by commas.
    ///   - extra: further librdkafka properties by name.
    public init(bootstrapServers: String, extra: [String: String] = [:]) {
        self.bootstrapServers = bootstrapServers
        self.extra = extra
    }

    /// Reads `KAFKA_BOOTSTRAP_SERVERS`, and each other `KAFKA_SOME_PROPERTY` as librdkafka's `some.property`.
    ///
    /// Kubernetes gives every pod beside a service named `kafka` variables like `KAFKA_SERVICE_HOST` and `KAFKA_PORT`;
    /// those are not properties and are left out.
    /// - Parameters:
    ///   - environment: the process's environment.
    ///   - bootstrapServers: wins over the environment when given.
    /// - Returns: nil when nothing names a cluster.
    public static func fromEnvironment(
        _ environment: [String: String], bootstrapServers: String? = nil
    ) -> KafkaSettings? {
        let named = bootstrapServers ?? environment[prefix + "BOOTSTRAP_SERVERS"]
        guard let named, !named.isEmpty else { return nil }
        var extra: [String: String] = [:]
        for (variable, value) in environment where variable.hasPrefix(prefix) {
            let property = variable.dropFirst(prefix.count)
            guard !reserved.contains(where: property.hasPrefix) else { continue }
            extra[property.lowercased().split(separator: "_").joined(separator: ".")] = value
        }
        return KafkaSettings(bootstrapServers: named, extra: extra)
    }

    /// The variables that `fromEnvironment` reads these settings from.
    public var environment: [String: String] {
        var environment = [KafkaSettings.prefix + "BOOTSTRAP_SERVERS": bootstrapServers]
        for (property, value) in extra {
            let variable = property.uppercased().split(separator: ".").joined(separator: "_")
            environment[KafkaSettings.prefix + variable] = value
        }
        return environment
    }

    private static let prefix = "KAFKA_"
    private static let reserved = ["BOOTSTRAP_SERVERS", "SERVICE_", "PORT"]
}

extension KafkaSettings {
    /// What every client needs, before its own settings.
    func properties(clientID: String) -> [String: String] {
        [
            "bootstrap.servers": bootstrapServers,
            "client.id": clientID,
            "socket.timeout.ms": "10000",
            // The default waits up to ten seconds after a broker came back.
            "reconnect.backoff.max.ms": "1000",
            // Brokers close idle connections every day; that is no news.
            "log.connection.close": "false",
        ]
    }
}
