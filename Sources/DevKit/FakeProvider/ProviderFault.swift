/// What goes wrong with a request that creates something.
public enum ProviderFault: String, Codable, Sendable, CaseIterable {
    /// The connection breaks before anything happens.
    case dropBefore = "drop_before"
    /// It happens, and the connection breaks before the reply.
    case dropAfter = "drop_after"
    /// It happens, and the reply is cut in the middle.
    case truncated
    /// Status 500, nothing happens, nothing is remembered.
    case errorBefore = "error_before"
    /// Status 500, and it happens all the same.
    case errorAfter = "error_after"
    /// Status 500, and it never happens; a provider that remembers failures remembers this one.
    case errorStored = "error_stored"
    /// Status 429, before the key is looked at.
    case rateLimited = "rate_limited"
    /// Status 409, as if another send of the key were running.
    case conflict
    /// It happens, and the reply takes longer than the client waits.
    case slow
    /// As `slow`, and until that reply is there another send of the key gets status 409.
    case running
}

/// What goes wrong with the webhooks of an account.
public enum WebhookFault: String, Codable, Sendable, CaseIterable {
    case none
    /// Every event comes three times.
    case duplicated
    /// The events of an object come when it has ended, the last one first.
    case reordered
    /// Every event comes late, behind those of others.
    case delayed
    case missing
}
