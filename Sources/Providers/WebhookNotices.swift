import Domain
import Events
import Storage

extension WebhookNotice {
    /// - Returns: nil for what is no event about an object.
    init?(stripe tree: JSONTree, body: [UInt8]) {
        guard let eventID = tree["id"]?.string, let kind = tree["type"]?.string,
            let objectID = tree["data"]?["object"]?["id"]?.string
        else { return nil }
        self.init(
            storable: "stripe", eventID: eventID, account: tree["account"]?.string ?? "", kind: kind,
            objectID: objectID, body: body)
    }

    /// An event that was asked for, because no webhook told of it.
    ///
    /// - Parameter account: whose events were asked for.
    init?(missed tree: JSONTree, of account: String) {
        guard let eventID = tree["id"]?.string, let kind = tree["type"]?.string,
            let objectID = tree["data"]?["object"]?["id"]?.string
        else { return nil }
        // As much of it as is read.
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", eventID)
            writer.member("type", kind)
            writer.member("account", account)
            writer.member("object_id", objectID)
        }
        self.init(
            storable: "stripe", eventID: eventID, account: account, kind: kind, objectID: objectID, body: writer.bytes,
            isAskedFor: true)
    }

    /// - Returns: nil for what is no notification; one about no object has an empty object id.
    init?(circle tree: JSONTree, body: [UInt8]) {
        guard let eventID = tree["notificationId"]?.string, let kind = tree["notificationType"]?.string,
            case .object? = tree["notification"]
        else { return nil }
        self.init(
            storable: "circle", eventID: eventID, account: "", kind: kind,
            objectID: tree["notification"]?["id"]?.string ?? "", body: body)
    }

    private init?(
        storable provider: String, eventID: String, account: String, kind: String, objectID: String, body: [UInt8],
        isAskedFor: Bool = false
    ) {
        guard !eventID.isEmpty, eventID.utf8.count <= 255 else { return nil }
        // PostgreSQL's text holds every character but U+0000.
        guard ![eventID, kind, objectID, account].contains(where: { $0.utf8.contains(0) }) else { return nil }
        self.init(
            provider: provider, eventID: eventID, account: account, kind: kind, objectID: objectID, body: body,
            isAskedFor: isAskedFor)
    }
}

/// What Circle's notifications say beside their object.
enum CircleNotices {
    /// A notification is sent again for so long, with its first time.
    private static let ageSecondsMaximum: Int64 = 3 * 86_400
    private static let aheadSecondsMaximum: Int64 = 300

    /// The signature covers the time in the body, and no header has another.
    static func isTimely(_ tree: JSONTree, at now: Timestamp) -> Bool {
        guard let moment = tree["timestamp"]?.string.flatMap({ Timestamp(rfc3339: $0) }) else { return false }
        return (-aheadSecondsMaximum...ageSecondsMaximum).contains(now.seconds(since: moment))
    }
}
