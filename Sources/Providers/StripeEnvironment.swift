import Foundation
import WorkerRuntime

extension StripeConfiguration {
    /// Reads the environment of this process, or ends it with the exit code of a wrong configuration and a sentence
    /// that names what is missing.
    public static func orExit() -> StripeConfiguration {
        do {
            return try StripeConfiguration(environment: ProcessInfo.processInfo.environment)
        } catch { exit(error) }
    }

    /// The secrets in a variable of this process's environment, or its end.
    public static func secretsOrExit(_ name: String) -> [String] {
        do {
            return try secrets(name, in: ProcessInfo.processInfo.environment)
        } catch { exit(error) }
    }

    private static func exit(_ invalid: Invalid) -> Never {
        FileHandle.standardError.write(Data("\(invalid)\n".utf8))
        Foundation.exit(WorkerExit.configuration.rawValue)
    }
}
