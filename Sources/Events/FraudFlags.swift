public import Domain

/// What the fraud engine said about an affiliate's latest conversions, clear ones among them.
public struct FraudFlags: FleetMessage {
    public static let topic = TopicName.fraudFlags

    /// Why an affiliate is not clear.
    public struct Reason: Sendable, Hashable {
        public let code: ReasonCode
        public let value: Int64
        /// What the value was held against.
        public let baseline: Int64
        /// What was measured, in words; nil in a message of a version that did not say.
        public let sentence: String?

        public init(code: ReasonCode, value: Int64, baseline: Int64, sentence: String? = nil) {
            self.code = code
            self.value = value
            self.baseline = baseline
            self.sentence = sentence
        }
    }

    public struct Conversion: Sendable, Hashable {
        public let conversionID: Identifier
        public let verdict: FraudVerdict
        public let codes: [ReasonCode]

        public init(conversionID: Identifier, verdict: FraudVerdict, codes: [ReasonCode]) {
            self.conversionID = conversionID
            self.verdict = verdict
            self.codes = codes
        }
    }

    public let affiliateID: String
    public let verdict: FraudVerdict
    public let risk: BasisPoints
    public let reasons: [Reason]
    public let conversions: [Conversion]

    public var key: String { affiliateID }

    public init(
        affiliateID: String, verdict: FraudVerdict, risk: BasisPoints, reasons: [Reason], conversions: [Conversion]
    ) {
        self.affiliateID = affiliateID
        self.verdict = verdict
        self.risk = risk
        self.reasons = reasons
        self.conversions = conversions
    }

    public func write(to writer: inout JSONWriter) {
        writer.member("affiliate_id", affiliateID)
        writer.member("verdict", verdict.rawValue)
        writer.member("risk_basis_points", Int64(risk.value))
        writer.member("reasons", reasons) { writer, reason in
            writer.object { writer in
                writer.member("code", Int64(reason.code.rawValue))
                writer.member("value", reason.value)
                writer.member("baseline", reason.baseline)
                if let sentence = reason.sentence { writer.member("sentence", sentence) }
            }
        }
        writer.member("conversions", conversions) { writer, conversion in
            writer.object { writer in
                writer.member("conversion_id", conversion.conversionID.description)
                writer.member("verdict", conversion.verdict.rawValue)
                writer.member("codes", conversion.codes) { $0.integer(Int64($1.rawValue)) }
            }
        }
    }

    public init?(_ data: JSONTree) {
        guard let affiliateID = data["affiliate_id"]?.string,
            let verdict = data["verdict"]?.string.flatMap({ FraudVerdict(rawValue: $0) }),
            let risk = data["risk_basis_points"]?.integer, (0...10_000).contains(risk),
            let reasons = data["reasons"]?.array, let conversions = data["conversions"]?.array
        else { return nil }
        self.init(
            affiliateID: affiliateID, verdict: verdict, risk: BasisPoints(Int32(risk)),
            reasons: reasons.compactMap(Reason.init), conversions: conversions.compactMap(Conversion.init))
        guard self.reasons.count == reasons.count, self.conversions.count == conversions.count else { return nil }
    }
}

extension FraudFlags.Reason {
    init?(_ data: JSONTree) {
        guard let code = ReasonCode(data["code"]), let value = data["value"]?.integer,
            let baseline = data["baseline"]?.integer
        else { return nil }
        self.init(code: code, value: value, baseline: baseline, sentence: data["sentence"]?.string)
    }
}

extension FraudFlags.Conversion {
    init?(_ data: JSONTree) {
        guard let id = data["conversion_id"]?.string.flatMap({ Identifier(text: $0) }),
            let verdict = data["verdict"]?.string.flatMap({ FraudVerdict(rawValue: $0) }),
            let codes = data["codes"]?.array
        else { return nil }
        self.init(conversionID: id, verdict: verdict, codes: codes.compactMap { ReasonCode($0) })
    }
}

extension ReasonCode {
    init?(_ tree: JSONTree?) {
        guard let number = tree?.integer else { return nil }
        self.init(rawValue: Int32(clamping: number))
    }
}
