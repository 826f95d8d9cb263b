/// A growing buffer of network-order bytes.
///
/// COPY writes twelve columns of two thousand rows per batch through it, so every append is one bounds check and one
/// store, and a buffer is used again without giving its memory back.
struct ByteBuffer: ~Copyable {
    private(set) var count = 0
    private var capacity: Int
    private var base: UnsafeMutableRawPointer

    init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// What was appended. The pointer is good until the next append.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func reserve(_ additional: Int) {
        if count + additional > capacity { grow(by: additional) }
    }

    @inline(never)
    private mutating func grow(by additional: Int) {
        let larger = max(capacity * 2, count + additional)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        copy.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = copy
        capacity = larger
    }

    @inline(__always)
    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        base.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    /// Appends the length as 32 bits, then the value.
    @inline(__always)
    mutating func appendField<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        append(Int32(MemoryLayout<Value>.size))
        append(value)
    }

    @inline(__always)
    mutating func append(raw bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        base.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Appends the length as 32 bits, then the bytes.
    @inline(__always)
    mutating func appendField(raw bytes: UnsafeRawBufferPointer) {
        append(Int32(bytes.count))
        append(raw: bytes)
    }

    @inline(__always)
    mutating func append(text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { append(raw: UnsafeRawBufferPointer($0)) }
        if done == nil { Array(text.utf8).withUnsafeBytes { append(raw: $0) } }
    }

    @inline(__always)
    mutating func appendField(text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { appendField(raw: UnsafeRawBufferPointer($0)) }
        if done == nil { Array(text.utf8).withUnsafeBytes { appendField(raw: $0) } }
    }

    /// Overwrites four bytes, for a length that is known only afterwards.
    mutating func replace(at position: Int, with value: Int32) {
        precondition(position + 4 <= count, "a length lies beyond its buffer")
        base.storeBytes(of: value.bigEndian, toByteOffset: position, as: Int32.self)
    }
}
