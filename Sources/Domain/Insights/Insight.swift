/// Something that stored figures say about a programme or one of its affiliates: a sentence, and where to see more.
///
/// Names stand in the sentence as `{affiliate}` and `{channel}`, so that it can be rewritten without telling anybody
/// who it is about.
public struct Insight: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// What the programme is expected to bring.
        case forecast
        /// An affiliate whose place changed, and why.
        case rise, fall
        /// An affiliate that keeps much less of its orders than is usual.
        case loss
        /// A sub-id whose clicks bring much more than is usual.
        case channel
    }

    public static let affiliateMark = "{affiliate}"
    public static let channelMark = "{channel}"

    public let kind: Kind
    /// Whom it is about; nil: the programme.
    public let affiliateID: String?
    /// The sub-id that it is about.
    public let channel: String?
    public let sentence: String
    /// What it is about in money, by which insights are ordered; minor units.
    public let weightMinor: Int64

    public init(kind: Kind, affiliateID: String?, channel: String?, sentence: String, weightMinor: Int64) {
        self.kind = kind
        self.affiliateID = affiliateID
        self.channel = channel
        self.sentence = sentence
        self.weightMinor = weightMinor
    }

    /// A sentence with its names.
    public static func text(_ sentence: String, affiliate: String, channel: String) -> String {
        var text = ""
        var rest = Substring(sentence)
        while let open = rest.firstIndex(of: "{") {
            text += rest[..<open]
            rest = rest[open...]
            if rest.hasPrefix(affiliateMark) {
                text += affiliate
                rest = rest.dropFirst(affiliateMark.count)
            } else if rest.hasPrefix(channelMark) {
                text += channel
                rest = rest.dropFirst(channelMark.count)
            } else {
                text.append(rest.removeFirst())
            }
        }
        return text + rest
    }
}

/// Whether a sentence that something else wrote says no other thing than ours, as far as that can be checked.
public enum InsightRewrite {
    /// Characters that a sentence may grow by.
    static let growthMaximum = 120

    public enum Objection: String, Sendable {
        case empty, tooLong = "too_long", markup, otherNumber = "other_number", missingNumber = "missing_number"
        case otherNames = "other_names"
    }

    /// - Returns: nil if `rewritten` may stand in the place of `sentence`: the same numbers, each as often, the same
    ///   marks for names, one paragraph of plain text, and hardly longer.
    public static func objection(to rewritten: String, of sentence: String) -> Objection? {
        guard rewritten.contains(where: \.isLetter) else { return .empty }
        guard rewritten.count <= sentence.count + growthMaximum else { return .tooLong }
        guard !rewritten.contains(where: { $0 == "<" || $0 == ">" || $0.isNewline }) else { return .markup }
        for mark in [Insight.affiliateMark, Insight.channelMark] {
            guard count(of: mark, in: rewritten) == count(of: mark, in: sentence) else { return .otherNames }
        }
        guard rewritten.count(where: { $0 == "{" }) == sentence.count(where: { $0 == "{" }) else { return .otherNames }
        let (said, ours) = (numbers(in: rewritten), numbers(in: sentence))
        guard said.isSubset(of: ours) else { return .otherNumber }
        return ours.isSubset(of: said) ? nil : .missingNumber
    }

    /// Digits with what stands between them, and the sign before them. Digits of other scripts count too: they are
    /// never ours.
    static func numbers(in text: String) -> Set<String> {
        var numbers: Set<String> = []
        var number = ""
        var pending = ""
        for character in text + " " {
            if character.isNumber {
                number += pending + String(character)
                pending = ""
            } else if !number.isEmpty, pending.isEmpty, character == "." || character == "," {
                pending = String(character)
            } else {
                if !number.isEmpty { numbers.insert(number) }
                number = ""
                pending = character == "−" || character == "-" ? "−" : ""
            }
        }
        return numbers
    }

    private static func count(of mark: String, in text: String) -> Int { text.ranges(of: mark).count }
}
