/// A chain on which USDC is paid; raw values are the codes of Circle Mint.
public enum USDCChain: String, CaseIterable, Sendable {
    case ethereum = "ETH"
    case base = "BASE"
    case polygon = "POLY"
    case solana = "SOL"
}

/// An address that USDC may be sent to, with the chain that the affiliate chose: the address does not tell it.
///
/// What is sent to a wrong address is lost, so whatever cannot be a wallet of a person is refused here.
public struct USDCAddress: Hashable, Sendable {
    /// What a person should confirm before money goes there.
    public enum Warning: String, Sendable {
        /// All letters have one case: a mistyped address could not be told from this one.
        case noChecksum = "no_checksum"

        public var sentence: String {
            "The address carries no checksum: compare every character with the one that your wallet shows."
        }
    }

    public let chain: USDCChain
    /// As it is stored and sent: on the Ethereum-like chains with the capitals of its checksum.
    public let text: String
    public let warning: Warning?

    public init(chain: USDCChain, text: String) throws(InvalidAddress) {
        self.chain = chain
        switch chain {
        case .ethereum, .base, .polygon: (self.text, warning) = try USDCAddress.checkedEthereum(text)
        case .solana: (self.text, warning) = (try USDCAddress.checkedSolana(text), nil)
        }
        // The lists hold checksummed forms, so one spelling is enough.
        guard !DeniedAddresses.contains(self.text) else { throw .denied }
    }

    private static func checkedEthereum(_ text: String) throws(InvalidAddress) -> (String, Warning?) {
        let digits = text.utf8.dropFirst(2)
        guard text.hasPrefix("0x"), digits.count == 40, digits.allSatisfy(isHexDigit) else { throw .notEthereum }
        let checksummed = checksummed(String(decoding: digits, as: UTF8.self).lowercased())
        let letters = digits.filter { $0 > UInt8(ascii: "9") }
        let capitals = letters.count { $0 < UInt8(ascii: "a") }
        if capitals == 0 || capitals == letters.count { return (checksummed, .noChecksum) }
        guard checksummed == text else { throw .wrongChecksum }
        return (checksummed, nil)
    }

    /// EIP-55: a letter is a capital where the hash of the lower-case address has a high digit.
    private static func checksummed(_ lowercase: String) -> String {
        let hash = Keccak256.digest(Array(lowercase.utf8))
        let characters = lowercase.enumerated().map { position, character in
            let digit = position.isMultiple(of: 2) ? hash[position / 2] >> 4 : hash[position / 2] & 0xF
            return digit >= 8 ? character.uppercased() : String(character)
        }
        return "0x" + characters.joined()
    }

    private static func checkedSolana(_ text: String) throws(InvalidAddress) -> String {
        guard (32...44).contains(text.utf8.count), let bytes = Base58.decode(text), bytes.count == 32 else {
            throw .notSolana
        }
        guard EdwardsPoint.isOnCurve(bytes) else { throw .notAWallet }
        return text
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}

/// Why USDC cannot be sent to what was entered; raw values are stable codes.
public enum InvalidAddress: String, Error, CaseIterable, Sendable {
    case notEthereum = "address_malformed"
    case notSolana = "address_not_base58"
    case wrongChecksum = "address_checksum"
    case notAWallet = "address_not_a_wallet"
    case denied = "address_denied"

    public var sentence: String {
        switch self {
        case .notEthereum: "An address on this chain is 0x and 40 hexadecimal digits."
        case .notSolana:
            "An address on Solana is 32 bytes in base58: 32 to 44 digits and letters, without 0, O, I and l."
        case .wrongChecksum: "The capital letters of the address are not those of its checksum: a character is wrong."
        case .notAWallet: "The address belongs to a program or a token account, and not to a wallet."
        case .denied: "The address is that of a token, a program or nobody: money sent there would be lost."
        }
    }
}

/// Addresses that are well-formed and belong to nobody who could be paid.
private enum DeniedAddresses {
    static func contains(_ address: String) -> Bool { all.contains(address) }

    private static let all: Set<String> = [
        // Nobody's.
        "0x0000000000000000000000000000000000000000", "0x000000000000000000000000000000000000dEaD",
        // USDC's own contracts: Ethereum, Base, Polygon, Arbitrum, Avalanche, Optimism.
        "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
        "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
        // And on the test networks: Base, Ethereum, Polygon.
        "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
        "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
        // Solana: the system program, and the mints of USDC on the main and the development network.
        "11111111111111111111111111111111", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
    ]
}
