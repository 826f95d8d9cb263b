import Crypto
public import Domain

extension Identifier {
    /// The id of what `parts` name: the first 16 bytes of their SHA-256, each part preceded by its length so that
    /// ("ab", "c") and ("a", "bc") differ.
    public init(hashing parts: String...) {
        var hash = SHA256()
        for part in parts {
            var part = part
            part.withUTF8 { bytes in
                withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count).bigEndian) {
                    hash.update(bufferPointer: $0)
                }
                hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
            }
        }
        self.init(digest: hash.finalize())
    }

    /// The id of a text of bytes as it stands.
    public init(hashing bytes: some ContiguousBytesOwner) {
        var hash = SHA256()
        bytes.withContiguousBytes { hash.update(bufferPointer: $0) }
        self.init(digest: hash.finalize())
    }

    private init(digest: SHA256.Digest) {
        self.init(digest.withUnsafeBytes { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) })
    }
}

/// Bytes in one piece of memory: an array or a slice of one.
public protocol ContiguousBytesOwner {
    func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension [UInt8]: ContiguousBytesOwner {
    public func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}

extension ArraySlice<UInt8>: ContiguousBytesOwner {
    public func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}
