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

    private static func exit(_ invalid: Invalid) -> Never { exitWrongConfiguration("\(invalid)") }
}

extension CircleConfiguration {
    /// As for Stripe; nil without `CIRCLE_API_KEY`.
    public static func orExit() -> CircleConfiguration? {
        do {
            return try read(ProcessInfo.processInfo.environment)
        } catch { exitWrongConfiguration("\(error)") }
    }
}

extension PaymentClock {
    /// As for Stripe.
    public static func orExit(isLive: Bool) -> PaymentClock {
        do {
            return try PaymentClock(environment: ProcessInfo.processInfo.environment, isLive: isLive)
        } catch { exitWrongConfiguration("\(error)") }
    }
}

private func exitWrongConfiguration(_ sentence: String) -> Never {
    FileHandle.standardError.write(Data("\(sentence)\n".utf8))
    exit(WorkerExit.configuration.rawValue)
}
