import DevKit
import Domain
import Testing

@testable import Notifications

@Suite("E-mail over SMTP") struct SMTPMailerTests {
    private static func mail(to recipient: String = "ada@example.com", subject: String = "s", text: String = "t")
        -> MailMessage
    {
        MailMessage(
            from: "payouts@tributary.example", to: recipient, subject: subject, text: text,
            messageID: "1.2@tributary.example", at: Timestamp(secondsSinceEpoch: 1_770_000_000))
    }

    private static func mailer(
        _ server: MailServer, encryption: SMTPServer.Encryption = .none, password: String? = nil,
        trusts: Bool = true
    ) -> SMTPMailer {
        SMTPMailer(
            SMTPServer(
                url: server.url, encryption: encryption, login: password.map { ("user", $0) },
                from: "payouts@tributary.example", authorities: trusts ? server.certificate : nil))
    }

    private static func isDelayed(_ result: DeliveryResult) -> Bool {
        if case .delayed = result { true } else { false }
    }

    private enum Answer: Sendable {
        case delivered, delayed(Int32), refused(Int32)

        func matches(_ result: DeliveryResult) -> Bool {
            switch (self, result) {
            case (.delivered, .delivered): true
            case (.delayed(let wanted), .delayed(let status, _)): status == wanted
            case (.refused(let wanted), .refused(let status, _)): status == wanted
            default: false
            }
        }
    }

    @Test("What the server says decides whether a mail is tried again; the connection goes on")
    func answers() async throws {
        try await MailServer.with { server in
            let mailer = SMTPMailerTests.mailer(server)
            let rows: [(recipient: String, answer: Answer)] = [
                ("ada@example.com", .delivered), ("gone@example.com", .refused(550)),
                ("busy@example.com", .delayed(451)),
                ("busy@example.com", .delivered), ("ada@example.com", .delivered),
            ]
            for row in rows {
                let result = await mailer.send(SMTPMailerTests.mail(to: row.recipient))
                #expect(row.answer.matches(result), "\(row.recipient): \(result)")
            }
            #expect(
                server.mails.map(\.recipient) == ["ada@example.com", "busy@example.com", "ada@example.com"])
        }
    }

    @Test(
        "Another program reads what was written",
        arguments: [
            ("Payout of EUR 12.50 paid", "The money is with your bank."),
            ("Auszahlung für Zoë: 12,50 €", "Grüße\n\n.\n..two dots\nFrom here – 日本"),
            (String(repeating: "Zahlungsverzögerung 遅延 ", count: 12), String(repeating: "long line ", count: 200)),
            ("plain but longer than one line may be " + String(repeating: "x", count: 60), ""),
        ])
    func reading(subject: String, text: String) async throws {
        try await MailServer.with { server in
            let result = await SMTPMailerTests.mailer(server).send(SMTPMailerTests.mail(subject: subject, text: text))
            #expect(result == .delivered(status: 250))
            let mail = try #require(server.mails.first)
            #expect(mail.subject == subject)
            #expect(mail.text.trimmingSuffix("\n") == text)
            #expect(mail.messageID == "<1.2@tributary.example>")
        }
    }

    @Test("Words from outside begin no header of their own")
    func injection() async throws {
        try await MailServer.with { server in
            let evil = "Paid\r\nBcc: everyone@example.com\r\n\r\nBuy now"
            _ = await SMTPMailerTests.mailer(server).send(SMTPMailerTests.mail(subject: evil))
            let mail = try #require(server.mails.first)
            #expect(mail.subject == "PaidBcc: everyone@example.comBuy now")
            #expect(!mail.headers.contains("Bcc"))
        }
    }

    @Test("Over TLS with a login, or not at all: neither mail nor password goes over an open line")
    func encryption() async throws {
        try await MailServer.with(.tlsAndLogin) { server in
            let rows: [(password: String, trusts: Bool, arrives: Bool)] = [
                ("password", true, true), ("wrong", true, false), ("password", false, false),
            ]
            for row in rows {
                let mailer = SMTPMailerTests.mailer(
                    server, encryption: .required, password: row.password, trusts: row.trusts)
                let before = server.mails.count
                let result = await mailer.send(SMTPMailerTests.mail())
                #expect((server.mails.count > before) == row.arrives, "\(row) \(result)")
                #expect(row.arrives || SMTPMailerTests.isDelayed(result), "\(row) gives the mail up: \(result)")
            }
        }
        try await MailServer.with { server in
            let result = await SMTPMailerTests.mailer(server, encryption: .required, password: "password")
                .send(SMTPMailerTests.mail())
            #expect(SMTPMailerTests.isDelayed(result), "\(result)")
            #expect(server.mails.isEmpty)
        }
    }

    @Test("A server that is not there delays the mail")
    func nobody() async {
        let mailer = SMTPMailer(
            SMTPServer(url: "smtp://127.0.0.1:1", encryption: .none, login: nil, from: "a@b.example"))
        #expect(SMTPMailerTests.isDelayed(await mailer.send(SMTPMailerTests.mail())))
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
