import Domain
import Foundation

/// A plain-text e-mail, as it goes over the wire: RFC 5322, with RFC 2047 where a header is not ASCII.
public struct MailMessage: Sendable {
    public let from: String
    public let to: String
    public let subject: String
    public let text: String
    /// Without angle brackets. A repetition carries the same, so that a mail server can tell.
    public let messageID: String
    public let at: Timestamp

    public init(from: String, to: String, subject: String, text: String, messageID: String, at: Timestamp) {
        self.from = from
        self.to = to
        self.subject = subject
        self.text = text
        self.messageID = messageID
        self.at = at
    }

    var bytes: [UInt8] {
        let headers = [
            "From: <\(MailMessage.oneLine(from))>", "To: <\(MailMessage.oneLine(to))>",
            "Subject: \(MailMessage.encodedWords(subject))", "Date: \(MailMessage.date(at))",
            "Message-ID: <\(MailMessage.oneLine(messageID))>", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
            // Nobody's holiday answers it.
            "Auto-Submitted: auto-generated",
        ]
        let body = Data(text.utf8).base64EncodedString(
            options: [.lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed])
        return Array((headers.joined(separator: "\r\n") + "\r\n\r\n" + body + "\r\n").utf8)
    }

    /// What came from outside may not begin a header of its own.
    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
    }

    /// A word holds at most 75 characters, and no character is cut.
    private static func encodedWords(_ text: String) -> String {
        let line = oneLine(text)
        guard !line.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) || line.utf8.count > 70 else { return line }
        var words: [[UInt8]] = [[]]
        for scalar in line.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if words[words.count - 1].count + bytes.count > 45 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    /// As RFC 5322 wants it, in UTC: `Fri, 27 Nov 2026 06:15:00 +0000`.
    private static func date(_ moment: Timestamp) -> String {
        let date = CivilDate(daysSinceEpoch: moment.day)
        let second = moment.seconds(since: Timestamp(startOfDay: moment.day))
        // 1970-01-01 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((moment.day % 7 + 7) % 7)]
        let month = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ][Int(date.month) - 1]
        let time = [second / 3_600, second / 60 % 60, second % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(weekday), \(date.day) \(month) \(date.year) \(time.joined(separator: ":")) +0000"
    }
}
