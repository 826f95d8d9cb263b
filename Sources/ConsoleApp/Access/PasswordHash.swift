import Crypto
import CryptoExtras
import Foundation

/// A password as it is stored: `scrypt$N$r$p$salt$hash`, salt and hash in hexadecimal digits.
public struct PasswordHash: Hashable, Sendable {
    /// The work that one guess costs.
    public struct Cost: Hashable, Sendable {
        /// N, a power of two: memory is 128 × N × `blockSize` bytes.
        public let rounds: Int
        /// r.
        public let blockSize: Int
        /// p.
        public let parallelism: Int

        /// - Parameter rounds: N, a power of two; `blockSize` is 8 and `parallelism` 3 as OWASP advises for 32 MiB.
        public init(rounds: Int, blockSize: Int = 8, parallelism: Int = 3) {
            self.rounds = rounds
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        /// 32 MiB and about a third of a second in a release build.
        public static let standard = Cost(rounds: 1 << 15)
    }

    private static let saltBytes = 16
    private static let hashBytes = 32
    /// A stored cost above this is refused, so that a row cannot exhaust the machine.
    private static let roundsMaximum = 1 << 20

    let cost: Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Hashes a new password with a random salt.
    public init(password: String, cost: Cost = .standard) throws {
        let salt = SecureToken.randomBytes(PasswordHash.saltBytes)
        self.cost = cost
        self.salt = salt
        hash = try PasswordHash.derive(password, salt: salt, cost: cost)
    }

    /// - Returns: nil unless `stored` has the form that `description` writes.
    public init?(stored: String) {
        let parts = stored.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt",
            let rounds = Int(parts[1]), let blockSize = Int(parts[2]), let parallelism = Int(parts[3]),
            rounds.nonzeroBitCount == 1, (2...PasswordHash.roundsMaximum).contains(rounds),
            (1...32).contains(blockSize), (1...16).contains(parallelism),
            let salt = Hexadecimal.decode(parts[4]), let hash = Hexadecimal.decode(parts[5]),
            hash.count == PasswordHash.hashBytes
        else { return nil }
        cost = Cost(rounds: rounds, blockSize: blockSize, parallelism: parallelism)
        self.salt = salt
        self.hash = hash
    }

    /// Whether `password` is the one that was hashed; takes the same time either way.
    public func matches(_ password: String) throws -> Bool {
        let candidate = try PasswordHash.derive(password, salt: salt, cost: cost)
        return zip(candidate, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: String, salt: [UInt8], cost: Cost) throws -> [UInt8] {
        // One password has one byte form, however the keyboard composed its accents.
        let bytes = Array(password.precomposedStringWithCompatibilityMapping.utf8)
        let key = try KDF.Scrypt.deriveKey(
            from: bytes, salt: salt, outputByteCount: hashBytes, rounds: cost.rounds, blockSize: cost.blockSize,
            parallelism: cost.parallelism, maxMemory: 256 * cost.rounds * cost.blockSize)
        return key.withUnsafeBytes { Array($0) }
    }
}

extension PasswordHash: CustomStringConvertible {
    /// The form in which it is stored.
    public var description: String {
        let numbers = "\(cost.rounds)$\(cost.blockSize)$\(cost.parallelism)"
        return "scrypt$\(numbers)$\(Hexadecimal.encode(salt))$\(Hexadecimal.encode(hash))"
    }
}

/// Checks passwords one at a time, so that a burst of logins costs the memory of one.
actor PasswordChecker {
    private let decoy: PasswordHash

    init(cost: PasswordHash.Cost) throws {
        decoy = try PasswordHash(password: "nobody's", cost: cost)
    }

    /// - Parameter stored: nil for an unknown user, who costs the same time as a known one.
    func matches(_ password: String, stored: String?) throws -> Bool {
        guard let hash = stored.flatMap(PasswordHash.init(stored:)) else {
            _ = try decoy.matches(password)
            return false
        }
        return try hash.matches(password)
    }
}
