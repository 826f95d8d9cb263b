/// Where e-mail is handed in.
public struct SMTPServer: Sendable {
    public enum Encryption: String, CaseIterable, Sendable {
        /// STARTTLS, or nothing is sent.
        case required
        /// For a relay on this machine.
        case none
    }

    /// `smtp://host:port`, or `smtps://` where TLS comes first.
    public let url: String
    public let encryption: Encryption
    /// nil for a server that asks for none.
    public let login: (user: String, password: String)?
    /// The sender's address.
    public let from: String
    /// A file of certificates to trust; nil: those of the system.
    public let authorities: String?

    public init(
        url: String, encryption: Encryption, login: (user: String, password: String)?, from: String,
        authorities: String? = nil
    ) {
        self.url = url
        self.encryption = encryption
        self.authorities = authorities
        self.login = login
        self.from = from
    }
}
