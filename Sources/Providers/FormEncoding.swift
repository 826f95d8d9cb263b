/// The body `application/x-www-form-urlencoded` as Stripe writes it: brackets of names stay, values are percent-encoded
/// UTF-8 with `+` for a space.
///
/// The same fields always make the same bytes: an idempotency key is bound to them.
enum FormEncoding {
    static func bytes(_ fields: [(name: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
            append(field.name, keeping: Array("[]".utf8), to: &bytes)
            bytes.append(UInt8(ascii: "="))
            append(field.value, keeping: [], to: &bytes)
        }
        return bytes
    }

    private static func append(_ text: String, keeping kept: [UInt8], to bytes: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: " "): bytes.append(UInt8(ascii: "+"))
            case _ where kept.contains(byte): bytes.append(byte)
            default: bytes.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]])
            }
        }
    }
}
