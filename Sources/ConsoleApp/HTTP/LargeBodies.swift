/// Places for requests with a large body, each of which is held in memory until it is answered.
actor LargeBodies {
    static let atOnce = 2

    private var held = 0

    /// Runs `body` if there is a place for it.
    func withPlace<Output: Sendable>(_ body: @Sendable () async throws -> Output) async throws -> Output {
        guard held < LargeBodies.atOnce else {
            throw Problem(
                .serviceUnavailable, "busy", "Other large files are being read. Try again in a moment.",
                headers: [.retryAfter: "5"])
        }
        held += 1
        defer { held -= 1 }
        return try await body()
    }
}
