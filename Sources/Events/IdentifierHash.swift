import Crypto
public import Domain

extension Identifier {
    /// The id of what `parts` name: the first 16 bytes of their SHA-256, each part preceded by its length so that
    /// ("ab", "c") and ("a", "bc") differ.
    public init(hashing parts: String...) {
        let count = parts.reduce(0) { $0 + 4 + $1.utf8.count }
        var hash = SHA256()
        // In one piece: a call into the hash costs more than the few bytes of a part.
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
            var rest = UnsafeMutableRawBufferPointer(rebasing: buffer[...])
            for var part in parts {
                part.withUTF8 { bytes in
                    rest.storeBytes(of: UInt32(truncatingIfNeeded: bytes.count).bigEndian, as: UInt32.self)
                    rest = UnsafeMutableRawBufferPointer(rebasing: rest[4...])
                    rest.copyBytes(from: bytes)
                    rest = UnsafeMutableRawBufferPointer(rebasing: rest[bytes.count...])
                }
            }
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
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
