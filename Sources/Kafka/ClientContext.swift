internal import CLibrdkafka
import Logging
import Synchronization

/// Where the callbacks of one client leave what they saw.
///
/// Rebalances, errors and delivery reports arrive on the actor's own thread, inside a poll. Log lines arrive on any of
/// librdkafka's threads, and touch only the logger.
final class ClientContext: Sendable {
    private struct Events {
        var rebalance: Rebalance?
        var errors: [KafkaError] = []
        var deliveries: [DeliveryResult?] = []
        var missing = 0
    }

    private let logger: Logger
    private let events = Mutex(Events())

    /// A broker that is away for long must not fill the memory with its errors.
    private static let errorsMaximum = 32

    init(logger: Logger) {
        self.logger = logger
    }

    func install(in configuration: OpaquePointer) {
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(self).toOpaque())
        rd_kafka_conf_set_log_cb(configuration, takeLogLine)
        rd_kafka_conf_set_error_cb(configuration, takeError)
    }

    // MARK: Consumers

    func record(_ rebalance: Rebalance) {
        events.withLock { $0.rebalance = rebalance }
    }

    func takeRebalance() -> Rebalance? {
        events.withLock { $0.rebalance.take() }
    }

    func record(_ error: KafkaError) {
        events.withLock { events in
            guard events.errors.count < Self.errorsMaximum else { return }
            events.errors.append(error)
        }
    }

    func takeErrors() -> [KafkaError] {
        events.withLock { events in
            defer { events.errors = [] }
            return events.errors
        }
    }

    /// A poll has something to report besides messages.
    var hasNews: Bool {
        events.withLock { $0.rebalance != nil || !$0.errors.isEmpty }
    }

    // MARK: Producers

    func expectDeliveries(_ count: Int) {
        events.withLock { events in
            events.deliveries = Array(repeating: nil, count: count)
            events.missing = count
        }
    }

    func deliver(_ result: DeliveryResult, at index: Int) {
        events.withLock { events in
            guard events.deliveries.indices.contains(index), events.deliveries[index] == nil else { return }
            events.deliveries[index] = result
            events.missing -= 1
        }
    }

    var missingDeliveries: Int {
        events.withLock { $0.missing }
    }

    /// One result for each expected message; those without a report failed with `error`.
    func takeDeliveries(otherwise error: KafkaError) -> [DeliveryResult] {
        events.withLock { events in
            defer { events.deliveries = [] }
            return events.deliveries.map { $0 ?? .failed(error) }
        }
    }

    // MARK: Logs

    /// librdkafka repairs most of what it reports at level 3 by itself, so that is a warning and not an error of ours.
    func log(level: Int32, facility: String, text: String) {
        let mapped: Logger.Level =
            switch level {
            case ...2: .critical
            case 3: .warning
            case 4: .notice
            case 5: .info
            case 6: .debug
            default: .trace
            }
        logger.log(level: mapped, "librdkafka reported", metadata: ["facility": "\(facility)", "text": "\(text)"])
    }

    static func from(_ opaque: UnsafeMutableRawPointer?) -> ClientContext? {
        opaque.map { Unmanaged<ClientContext>.fromOpaque($0).takeUnretainedValue() }
    }
}

// MARK: Callbacks

/// Runs on any thread. Reading the opaque pointer takes no lock of librdkafka.
private func takeLogLine(
    _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) {
    guard let client, let facility, let text, let context = ClientContext.from(rd_kafka_opaque(client)) else { return }
    context.log(level: level, facility: String(cString: facility), text: String(cString: text))
}

private func takeError(
    _ client: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let client, let context = ClientContext.from(opaque) else { return }
    let code = rd_kafka_resp_err_t(code)
    if code == RD_KAFKA_RESP_ERR__FATAL {
        context.record(KafkaError(rd_kafka_fatal_error(client, nil, 0), "client", isFatal: true))
    } else {
        context.record(KafkaError(code, "client"))
    }
    rd_kafka_yield(client)
}
