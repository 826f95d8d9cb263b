import DevKit
import Domain
import Postgres
import Providers
import Testing
import WorkerRuntime

/// Mutations of genuine requests, drawn from seeds.
///
/// `WEBHOOK_FUZZ=FIRST-LAST` tries other seeds than those of every run.
@Suite("Webhooks, mutated", .timeLimit(.minutes(30))) struct WebhookFuzzTests {
    private static let seeds = WorldSeeds("WEBHOOK_FUZZ", otherwise: 1...20)
    private static let mutationsPerSeed = 250
    private static let now = Timestamp(secondsSinceEpoch: 1_700_000_000)

    @Test("Whatever is changed of a signed request, only the signed bytes are accepted")
    func signatures() throws {
        let stripe = StripeSignature(secrets: [SignatureTests.secret])
        let body = Array(SignatureTests.paid.utf8)
        let circleBody = Array(CircleSignatureTests.madeBody.utf8)
        let key = try #require(CirclePublicKey(base64: CircleSignatureTests.made))
        for seed in Self.seeds.range {
            var random = SplitMix64(seed: seed)
            for _ in 0..<Self.mutationsPerSeed {
                let changed = random.mutate(body)
                #expect(changed == body || !Self.accepts(stripe, changed, SignatureTests.header), "seed \(seed)")
                let header = random.mutate(SignatureTests.header)
                if Self.accepts(stripe, body, header) {
                    // Other items around them are allowed; the time and the digest must be there as they were.
                    let items = header.lowercased().split(separator: ",").map(String.init)
                    #expect(items.contains("t=1700000000"), "seed \(seed): \(header)")
                    #expect(items.contains("v1=\(SignatureTests.digest)"), "seed \(seed): \(header)")
                }
                let other = random.mutate(circleBody)
                #expect(
                    other == circleBody || !key.isValid(CircleSignatureTests.madeSignature, for: other),
                    "seed \(seed)")
                // Many texts may stand for one signature, but none for a body that was not signed.
                _ = key.isValid(random.mutate(CircleSignatureTests.madeSignature), for: circleBody)
                #expect(!key.isValid(random.mutate(CircleSignatureTests.madeSignature), for: body), "seed \(seed)")
                if let other = CirclePublicKey(base64: random.mutate(CircleSignatureTests.made)) {
                    _ = other.isValid(CircleSignatureTests.madeSignature, for: circleBody)
                }
            }
        }
    }

    /// What a receiver without a database may say of a signed body: that it would store it, or that it is no event.
    private static let answers: Set<WebhookReceiver.Answer> = [.unavailable, .ignored, .refused("unreadable")]

    @Test("Whatever a genuine sender signs, it is read or refused, and nothing traps")
    func bodies() async throws {
        try await TestDatabase.with { database in
            let pool = database.makePool()
            await pool.close()
            let receiver = WebhookReceiver(
                pool: pool, secrets: [.connect: ["whsec_c"]], isLive: false, pulse: Pulse(every: .seconds(3_600)),
                clock: { Self.now }, metrics: Metrics(), logger: .silent)
            let bodies = [SignatureTests.paid, SignatureTests.failed, SignatureTests.thin, SignatureTests.updated]
                .map { Array($0.replacing("{\"id\"", with: "{\"livemode\":false,\"id\"", maxReplacements: 1).utf8) }
            for seed in Self.seeds.range {
                var random = SplitMix64(seed: seed)
                for _ in 0..<Self.mutationsPerSeed {
                    let body = random.mutate(random.pick(bodies))
                    let header = StripeSignature.header(for: body, secret: "whsec_c", at: Self.now)
                    let answer = await receiver.receive(body, signature: header, endpoint: .connect)
                    #expect(Self.answers.contains(answer), "seed \(seed): \(answer)")
                    if let message = SNSMessage(random.mutate(SNSTests.envelope())) {
                        #expect(!message.stringToSign.isEmpty, "seed \(seed)")
                    }
                }
            }
        }
    }

    private static func accepts(_ signature: StripeSignature, _ body: [UInt8], _ header: String) -> Bool {
        do throws(StripeSignature.Refusal) {
            try signature.verify(body, header: header, at: now)
            return true
        } catch { return false }
    }
}

extension SplitMix64 {
    private static let favourites = Array("\0\"\\{}[]:,=.+-0eE\u{ff}tv".utf8)

    fileprivate mutating func mutate(_ text: String) -> String {
        String(decoding: mutate(Array(text.utf8)), as: UTF8.self)
    }

    /// One to four changes: of a bit, of a byte, a piece cut out, doubled, or moved; now and then none.
    fileprivate mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<below(5) {
            guard !bytes.isEmpty else { return [pick(Self.favourites)] }
            let place = below(bytes.count)
            let length = min(1 + below(16), bytes.count - place)
            switch below(6) {
            case 0: bytes[place] ^= 1 << UInt8(below(8))
            case 1: bytes[place] = pick(Self.favourites)
            case 2: bytes.insert(pick(Self.favourites), at: place)
            case 3: bytes.removeSubrange(place..<(place + length))
            case 4: bytes.insert(contentsOf: bytes[place..<(place + length)], at: below(bytes.count))
            default: bytes.removeLast(bytes.count - place)
            }
        }
        return bytes
    }
}
