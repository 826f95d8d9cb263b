import Events
import Foundation

/// A real SMTP server on loopback, Debian's aiosmtpd, that keeps what it is given.
///
/// Mail to `gone…@` is refused for good, mail to `busy…@` at the first time.
public struct MailServer: Sendable {
    /// An e-mail as Python's library reads it.
    public struct Mail: Sendable {
        public let recipient: String
        public let subject: String
        public let messageID: String
        public let text: String
        /// The names of its headers, in their order.
        public let headers: [String]
    }

    public enum Security: Sendable {
        case plain
        /// STARTTLS first, then a login as `user` with `password`.
        case tlsAndLogin
    }

    /// As `SMTP_URL` has it.
    public let url: String
    /// Its certificate, which nobody else has signed; nil without TLS.
    public let certificate: String?
    private let process: ChildProcess

    /// Runs one while `body` runs.
    public static func with(
        _ security: Security = .plain, isolation: isolated (any Actor)? = #isolation,
        _ body: (MailServer) async throws -> Void
    ) async throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("mail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        // What is left of it is the system's to clean up.
        defer { try? FileManager.default.removeItem(at: place) }
        let server = try await start(security, in: place.path)
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static func start(_ security: Security, in directory: String) async throws -> MailServer {
        var arguments = ["-c", script]
        var certificate: String?
        if security == .tlsAndLogin {
            let (key, file) = ("\(directory)/key.pem", "\(directory)/certificate.pem")
            let made = await SpawnedCommand.run(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", file, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1",
                ], log: "\(directory)/openssl.log")
            guard made == 0 else { throw FleetError.cannotStart("openssl", reason: "see its log in \(directory)") }
            certificate = file
            arguments += [file, key]
        }
        let process = try await ChildProcess.start(
            "/usr/bin/python3", arguments, environment: [:], log: "\(directory)/mail.log")
        let port = try await process.announcement("port ", within: .seconds(20))
        return MailServer(url: "smtp://127.0.0.1:\(port)", certificate: certificate, process: process)
    }

    /// What it took so far, in its order.
    public var mails: [Mail] {
        process.output.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("mail "), let mail = JSONTree(Array(line.dropFirst(5).utf8)[...]) else { return nil }
            return Mail(
                recipient: mail["to"]?.string ?? "", subject: mail["subject"]?.string ?? "",
                messageID: mail["id"]?.string ?? "", text: mail["text"]?.string ?? "",
                headers: mail["headers"]?.array?.compactMap(\.string) ?? [])
        }
    }

    private func stop() async {
        // It may have inherited that SIGTERM is ignored, and has nothing to put away.
        await process.signal(SIGKILL)
        _ = await process.waitForEnd()
    }

    private static let script = """
        import asyncio, email, email.policy, json, os, ssl, sys
        from aiosmtpd.smtp import SMTP, AuthResult

        class Handler:
            seen = set()

            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith("gone"):
                    return "550 5.1.1 no such mailbox"
                if address.startswith("busy") and address not in self.seen:
                    self.seen.add(address)
                    return "451 4.3.0 come back later"
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server, session, envelope):
                mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
                print("mail " + json.dumps({
                    "to": envelope.rcpt_tos[0], "subject": str(mail["Subject"]), "id": str(mail["Message-ID"]),
                    "text": mail.get_content(), "headers": mail.keys()}), flush=True)
                return "250 taken"

        def login(server, session, envelope, mechanism, data):
            return AuthResult(success=data.login == b"user" and data.password == b"password")

        async def run():
            options = {}
            if len(sys.argv) > 1:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(sys.argv[1], sys.argv[2])
                options = dict(tls_context=context, require_starttls=True, authenticator=login, auth_required=True)
            handler, loop, parent = Handler(), asyncio.get_running_loop(), os.getppid()
            server = await loop.create_server(
                lambda: SMTP(handler, hostname="localhost", loop=loop, **options), "127.0.0.1", 0)
            print("port", server.sockets[0].getsockname()[1], flush=True)
            while os.getppid() == parent:
                await asyncio.sleep(1)

        asyncio.run(run())
        """
}
