/// The parameters of one statement as libpq wants them: pointers, lengths and formats of equal count.
///
/// A session keeps one and uses it for every statement, so that arrays of thousands of keys cost no allocation.
struct ParameterBuffer: ~Copyable {
    private var buffer = ByteBuffer(capacity: 4096)
    private var starts: [Int] = []
    private(set) var types: [ObjectID] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []

    mutating func encode(_ values: [PostgresValue]) {
        buffer.removeAll()
        starts.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        for value in values {
            types.append(value.type)
            formats.append(1)
            let start = buffer.count + 4
            buffer.appendField(value)
            if case .null = value {
                starts.append(-1)
                lengths.append(0)
            } else {
                starts.append(start)
                lengths.append(Int32(buffer.count - start))
            }
        }
    }

    /// Pointers into the buffer, good until the next `encode`; nil stands for null.
    var pointers: [UnsafePointer<CChar>?] {
        guard let base = buffer.bytes.baseAddress else { return [] }
        return starts.map { start in
            start < 0 ? nil : base.advanced(by: start).assumingMemoryBound(to: CChar.self)
        }
    }
}
