import DevKit
import Foundation

/// The payment provider of the demo: the one that the environment names, else the fake.
enum StripeForDemo {
    /// What payer and reconciler need to know.
    static func environment(_ fleet: Fleet) async throws -> [String: String] {
        let given = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("STRIPE_") }
        if given["STRIPE_API_BASE"] != nil { return given }
        return [:]
    }
}
