/// A parameter of a statement. Values travel in PostgreSQL's binary format.
public enum PostgresValue: Sendable {
    case null
    case bool(Bool)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytes([UInt8])
    /// A `uuid`, most significant byte first.
    case uuid(UInt128)
    /// A `timestamptz`.
    case timestamp(microsecondsSinceEpoch: Int64)
    /// A `date`: days since 1970-01-01.
    case date(daysSinceEpoch: Int32)
    /// A `jsonb`, given as its text.
    case jsonb(String)
    case bools([Bool])
    case int4s([Int32])
    case int8s([Int64])
    case float8s([Double])
    case texts([String])
    case bytesArray([[UInt8]])
    case uuids([UInt128])
    /// Each in microseconds since 1970.
    case timestamps([Int64])
    /// Each in days since 1970.
    case dates([Int32])
    case optionalInt8s([Int64?])
    case optionalTexts([String?])
    case optionalUUIDs([UInt128?])
    case optionalTimestamps([Int64?])

    public static func optionalText(_ value: String?) -> PostgresValue { value.map { .text($0) } ?? .null }

    public static func optionalInt4(_ value: Int32?) -> PostgresValue { value.map { .int4($0) } ?? .null }

    public static func optionalInt8(_ value: Int64?) -> PostgresValue { value.map { .int8($0) } ?? .null }

    public static func optionalUUID(_ value: UInt128?) -> PostgresValue { value.map { .uuid($0) } ?? .null }

    public static func optionalBytes(_ value: [UInt8]?) -> PostgresValue { value.map { .bytes($0) } ?? .null }

    /// - Parameter value: microseconds since 1970.
    public static func optionalTimestamp(_ value: Int64?) -> PostgresValue {
        value.map { .timestamp(microsecondsSinceEpoch: $0) } ?? .null
    }

    var type: ObjectID {
        switch self {
        case .null: .unspecified
        case .bool: .bool
        case .int4: .int4
        case .int8: .int8
        case .float8: .float8
        case .text: .text
        case .bytes: .bytea
        case .uuid: .uuid
        case .timestamp: .timestamptz
        case .date: .date
        case .jsonb: .jsonb
        case .bools: .boolArray
        case .int4s: .int4Array
        case .int8s, .optionalInt8s: .int8Array
        case .float8s: .float8Array
        case .texts, .optionalTexts: .textArray
        case .bytesArray: .byteaArray
        case .uuids, .optionalUUIDs: .uuidArray
        case .timestamps, .optionalTimestamps: .timestamptzArray
        case .dates: .dateArray
        }
    }
}

/// The numbers that pg_type gives its built-in types. They never change.
struct ObjectID: RawRepresentable, Hashable {
    let rawValue: UInt32

    static let unspecified = ObjectID(rawValue: 0)
    static let bool = ObjectID(rawValue: 16)
    static let bytea = ObjectID(rawValue: 17)
    static let name = ObjectID(rawValue: 19)
    static let int8 = ObjectID(rawValue: 20)
    static let int2 = ObjectID(rawValue: 21)
    static let int4 = ObjectID(rawValue: 23)
    static let text = ObjectID(rawValue: 25)
    static let oid = ObjectID(rawValue: 26)
    static let json = ObjectID(rawValue: 114)
    static let float4 = ObjectID(rawValue: 700)
    static let float8 = ObjectID(rawValue: 701)
    static let unknown = ObjectID(rawValue: 705)
    static let bpchar = ObjectID(rawValue: 1042)
    static let varchar = ObjectID(rawValue: 1043)
    static let date = ObjectID(rawValue: 1082)
    static let timestamptz = ObjectID(rawValue: 1184)
    static let uuid = ObjectID(rawValue: 2950)
    static let jsonb = ObjectID(rawValue: 3802)

    static let boolArray = ObjectID(rawValue: 1000)
    static let byteaArray = ObjectID(rawValue: 1001)
    static let int4Array = ObjectID(rawValue: 1007)
    static let textArray = ObjectID(rawValue: 1009)
    static let int8Array = ObjectID(rawValue: 1016)
    static let float8Array = ObjectID(rawValue: 1022)
    static let dateArray = ObjectID(rawValue: 1182)
    static let timestamptzArray = ObjectID(rawValue: 1185)
    static let uuidArray = ObjectID(rawValue: 2951)

    /// Enumerations and domains of a database have numbers from here on.
    static let firstOfDatabase: UInt32 = 16_384
}
