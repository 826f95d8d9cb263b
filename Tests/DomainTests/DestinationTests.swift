import Testing

@testable import Domain

@Suite("Addresses for USDC") struct USDCAddressTests {
    @Test(
        "Keccak-256 is the original's, not SHA3-256",
        arguments: [
            ("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            (
                "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
                "d385650ce8fdc6db7ee3a091d34814dbc4ce18219ffae52182efff4034d707e5"
            ),
            // One block, and one byte more: by another implementation.
            (
                String(repeating: "a", count: 135), "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"
            ),
            (
                String(repeating: "a", count: 136), "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"
            ),
        ])
    func keccak(text: String, digest: String) {
        let hex = Keccak256.digest(Array(text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hex.joined() == digest)
    }

    @Test(
        "An address with its checksum is taken as it is, on every Ethereum-like chain",
        arguments: [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ], [USDCChain.ethereum, .base, .polygon])
    func checksummed(text: String, chain: USDCChain) throws {
        let address = try USDCAddress(chain: chain, text: text)
        #expect(address.text == text)
        #expect(address.warning == nil)
    }

    @Test(
        "Letters of one case carry no checksum: accepted with a warning, stored with the checksum",
        arguments: [
            ("0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169EE7"),
            ("0x8617E340B3D01FA5F11F306F4090FD50E238070D", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"),
            ("0xde709f2102306220921060314715629080e2fb77", "0xde709f2102306220921060314715629080e2fb77"),
            ("0x27b1fdb04752bbc536007a920d24acb045561c26", "0x27b1fdb04752bbc536007a920d24acb045561c26"),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            ("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ])
    func oneCase(text: String, stored: String) throws {
        let address = try USDCAddress(chain: .base, text: text)
        #expect(address.text == stored)
        #expect(address.warning == .noChecksum)
    }

    @Test(
        "What is no address on an Ethereum-like chain is refused, with its reason",
        arguments: [
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", InvalidAddress.wrongChecksum),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", .notEthereum),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd", .notEthereum),
            ("0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", .notEthereum),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", .notEthereum),
            ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", .notEthereum),
            (" 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", .notEthereum),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed ", .notEthereum),
            ("", .notEthereum),
            ("FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF", .notEthereum),
        ])
    func malformed(text: String, reason: InvalidAddress) {
        #expect(throws: reason) { try USDCAddress(chain: .ethereum, text: text) }
    }

    @Test(
        "An address that is nobody's wallet is refused, however it is spelled",
        arguments: [
            "0x0000000000000000000000000000000000000000", "0x000000000000000000000000000000000000dEaD",
            "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
            "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
            "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
            "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
        ])
    func denied(text: String) {
        for chain in [USDCChain.ethereum, .base, .polygon] {
            #expect(throws: InvalidAddress.denied) { try USDCAddress(chain: chain, text: text) }
            #expect(throws: InvalidAddress.denied) { try USDCAddress(chain: chain, text: text.lowercased()) }
        }
    }

    @Test("A Solana wallet is a point of the curve")
    func solana() throws {
        let address = try USDCAddress(chain: .solana, text: "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF")
        #expect(address.text == "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF")
        #expect(address.warning == nil)
    }

    @Test("Base58 has no checksum: a mint with its last letter dropped passes as a wallet")
    func truncatedMint() throws {
        _ = try USDCAddress(chain: .solana, text: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1")
    }

    @Test(
        "What is no wallet on Solana is refused, with its reason",
        arguments: [
            // The token account of the wallet above.
            ("hkcktF2Akp3vj8pbBVJuxJfk5m41i4t4TSVLx2VoNHT", InvalidAddress.notAWallet),
            ("11111111111111111111111111111111", .denied),
            ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", .denied),
            ("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU", .denied),
            ("0Ae4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF", .notSolana),
            ("OAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF", .notSolana),
            ("IAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF", .notSolana),
            ("lAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF", .notSolana),
            ("1111111111111111111111111111111", .notSolana),
            ("111111111111111111111111111111111", .notSolana),
            ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", .notSolana),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", .notSolana),
            ("", .notSolana),
        ])
    func noSolana(text: String, reason: InvalidAddress) {
        #expect(throws: reason) { try USDCAddress(chain: .solana, text: text) }
    }

    /// The first byte, those between, the last byte, and whether they are a point.
    static let edges: [(first: UInt8, between: UInt8, last: UInt8, isPoint: Bool)] = [
        // y = 1 and y = −1 are points with x = 0, which has no negative.
        (0x01, 0x00, 0x00, true), (0x01, 0x00, 0x80, false), (0xEC, 0xFF, 0x7F, true), (0xEC, 0xFF, 0xFF, false),
        // y = p and y = p + 1 are not reduced.
        (0xED, 0xFF, 0x7F, false), (0xEE, 0xFF, 0x7F, false),
        // The base point, with either sign.
        (0x58, 0x66, 0x66, true), (0x58, 0x66, 0xE6, true),
        // y = 2 is the first number that is none.
        (0x02, 0x00, 0x00, false), (0x03, 0x00, 0x00, true),
    ]

    @Test("Points and others are told apart at the edges of the field", arguments: edges)
    func edge(first: UInt8, between: UInt8, last: UInt8, isPoint: Bool) {
        let bytes = [first] + [UInt8](repeating: between, count: 30) + [last]
        #expect(EdwardsPoint.isOnCurve(bytes) == isPoint)
    }

    @Test("Fewer or more than 32 bytes are no point", arguments: [0, 31, 33])
    func length(count: Int) {
        #expect(!EdwardsPoint.isOnCurve([UInt8](repeating: 0, count: count)))
    }
}

@Suite("Routing numbers") struct RoutingNumberTests {
    @Test(
        "A bank's routing number is taken",
        arguments: [
            "110000000", "021000021", "011401533", "091000019", "122105278", "026009593", "122000247", "121042882",
            "322271627", "111000025", "231380104",
        ])
    func valid(text: String) throws {
        #expect(try RoutingNumber(text).text == text)
    }

    @Test(
        "Anything else is refused, with its reason",
        arguments: [
            ("987654320", RoutingNumber.Invalid.unassigned), ("000000000", .unassigned),
            ("123456789", .wrongCheckDigit), ("110000001", .wrongCheckDigit), ("021000012", .wrongCheckDigit),
            ("12100002", .notNineDigits), ("0210000211", .notNineDigits), ("02100002a", .notNineDigits),
            ("０２１００００２１", .notNineDigits), (" 21000021", .notNineDigits), ("", .notNineDigits),
        ])
    func invalid(text: String, reason: RoutingNumber.Invalid) {
        #expect(throws: reason) { try RoutingNumber(text) }
    }
}
