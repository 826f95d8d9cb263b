public import ArgumentParser

/// Whether outgoing webhooks may go to this machine: only where endpoints are tried out, as in a demo.
public enum LoopbackRule: String, ExpressibleByArgument, CaseIterable, Sendable {
    case refused, allowed

    /// As WEBHOOK_LOOPBACK has it; refused unless it says otherwise.
    public static var fromEnvironment: LoopbackRule {
        LoopbackRule(rawValue: Environment.text("WEBHOOK_LOOPBACK")) ?? .refused
    }
}
