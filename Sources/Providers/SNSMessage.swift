import Events

/// A notification in the envelope of Amazon SNS, as the older webhooks of Circle come: what is signed, by whom, and
/// what may be fetched at all.
public struct SNSMessage: Hashable, Sendable {
    /// Circle's account at Amazon.
    private static let accountID = "908968368384"
    private static let certificateURLBytesMaximum = 256

    private let fields: [String: String]

    /// - Returns: nil unless `bytes` are an envelope with every member that its type signs.
    public init?(_ bytes: [UInt8]) {
        guard case .object(let members)? = JSONTree(bytes[...]) else { return nil }
        fields = members.compactMapValues(\.string)
        guard let type = fields["Type"], let names = SNSMessage.signedNames[type],
            names.allSatisfy({ fields[$0] != nil || $0 == "Subject" })
        else { return nil }
    }

    /// The text that is signed: name and value of each member, each with a newline, in the order of the names.
    public var stringToSign: String {
        let names = SNSMessage.signedNames[fields["Type"] ?? ""] ?? []
        return names.compactMap { name in fields[name].map { "\(name)\n\($0)\n" } }.joined()
    }

    /// Base64.
    var signature: String { fields["Signature"] ?? "" }

    /// `1` or `2`.
    var signatureVersion: String { fields["SignatureVersion"] ?? "" }

    /// Where the certificate lies that it is signed with; nil where that is not Amazon's own.
    public var certificateURL: String? {
        guard let url = fields["SigningCertURL"], SNSMessage.isAmazon(url), url.hasSuffix(".pem"),
            url.utf8.count <= SNSMessage.certificateURLBytesMaximum, !url.contains(where: { "?#".contains($0) })
        else { return nil }
        return url
    }

    /// `Notification`, or one of the confirmations.
    public var type: String { fields["Type"] ?? "" }

    /// What it carries, a JSON text.
    public var message: String { fields["Message"] ?? "" }

    /// What has to be asked for so that notifications come; nil in a notification, and where it is not Amazon's own.
    public var subscribeURL: String? {
        guard type == "SubscriptionConfirmation", let url = fields["SubscribeURL"], SNSMessage.isAmazon(url) else {
            return nil
        }
        return url
    }

    /// Whether it is about a topic of Circle's; nothing of it may be fetched otherwise.
    public var isFromCircle: Bool {
        let parts = (fields["TopicArn"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts[0...2].elementsEqual(["arn", "aws", "sns"]) && !parts[3].isEmpty
            && parts[4] == SNSMessage.accountID
            && ["sandbox_platform-notifications-topic", "prod_platform-notifications-topic"].contains(parts[5])
    }

    /// Whether an address may be asked for a certificate or a confirmation: https, and Amazon's own host.
    public static func isAmazon(_ url: String) -> Bool {
        guard url.hasPrefix("https://") else { return false }
        let host = url.dropFirst("https://".count).prefix { $0 != "/" }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "sns" && parts[2] == "amazonaws" && parts[3] == "com"
            && !parts[1].isEmpty && parts[1].utf8.allSatisfy(isRegionCharacter)
    }

    private static func isRegionCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static let signedNames = [
        "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation": confirmation, "UnsubscribeConfirmation": confirmation,
    ]
    private static let confirmation = [
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ]
}
