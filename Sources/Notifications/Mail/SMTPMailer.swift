import Blocking
internal import CLibcurl
import Domain
import Foundation

/// Hands e-mails to a server, one after another over one connection.
public actor SMTPMailer {
    static let connectSeconds = 10
    /// Of one message, with connecting.
    static let messageSeconds = 30

    public nonisolated let server: SMTPServer
    private let executor = ThreadExecutor(name: "smtp")
    private let session: CurlSession?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public init(_ server: SMTPServer) {
        self.server = server
        session = CurlSession(server)
    }

    /// - Returns: what the server said. A message that it took and whose answer got lost counts as delayed.
    public func send(_ message: MailMessage) -> DeliveryResult {
        session?.send(message) ?? .delayed(status: nil, error: "out_of_memory")
    }
}

/// One libcurl handle, which keeps its connection between messages.
private struct CurlSession: ~Copyable {
    /// Once per process, before any handle.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let handle: OpaquePointer

    init?(_ server: SMTPServer) {
        guard CurlSession.isReady, let handle = curl_easy_init().map(OpaquePointer.init) else { return nil }
        self.handle = handle
        set(CURLOPT_URL, server.url)
        set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        set(
            CURLOPT_USE_SSL,
            server.encryption == .required ? Int(CURLUSESSL_ALL.rawValue) : Int(CURLUSESSL_NONE.rawValue))
        set(CURLOPT_CONNECTTIMEOUT, SMTPMailer.connectSeconds)
        set(CURLOPT_TIMEOUT, SMTPMailer.messageSeconds)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_UPLOAD, 1)
        if let authorities = server.authorities { set(CURLOPT_CAINFO, authorities) }
        if let login = server.login {
            set(CURLOPT_USERNAME, login.user)
            set(CURLOPT_PASSWORD, login.password)
        }
    }

    deinit { curl_easy_cleanup(UnsafeMutableRawPointer(handle)) }

    private func set(_ option: CURLoption, _ value: String) {
        _ = tributary_curl_set_text(UnsafeMutableRawPointer(handle), option, value)
    }

    private func set(_ option: CURLoption, _ value: Int) {
        _ = tributary_curl_set_number(UnsafeMutableRawPointer(handle), option, value)
    }

    func send(_ message: MailMessage) -> DeliveryResult {
        let curl = UnsafeMutableRawPointer(handle)
        set(CURLOPT_MAIL_FROM, "<\(message.from)>")
        let recipients = curl_slist_append(nil, "<\(message.to)>")
        defer { curl_slist_free_all(recipients) }
        _ = tributary_curl_set_list(curl, CURLOPT_MAIL_RCPT, recipients)
        var bytes = message.bytes
        let code: CURLcode? = bytes.withUnsafeMutableBytes { buffer in
            guard let file = fmemopen(buffer.baseAddress, buffer.count, "r") else { return nil }
            defer { fclose(file) }
            _ = tributary_curl_set_file(curl, file)
            return curl_easy_perform(curl)
        }
        guard let code else { return .delayed(status: nil, error: "out_of_memory") }
        return CurlSession.result(code, status: Int32(clamping: tributary_curl_response_code(curl)))
    }

    /// Reads libcurl's code beside the server's last answer.
    private static func result(_ code: CURLcode, status: Int32) -> DeliveryResult {
        guard code != CURLE_OK else { return .delivered(status: status) }
        let error = String(cString: curl_easy_strerror(code))
        let answered = status == 0 ? nil : status
        switch code {
        // What concerns the server and not the message is put right by people: the message waits for them.
        case CURLE_LOGIN_DENIED, CURLE_USE_SSL_FAILED, CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT:
            return .delayed(status: answered, error: error)
        default:
            return (550...559).contains(status)
                ? .refused(status: status, error: error) : .delayed(status: answered, error: error)
        }
    }
}
