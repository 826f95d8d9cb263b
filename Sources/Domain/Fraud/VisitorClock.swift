/// The hour of the day where a visitor is, by the country alone and without summer time: near enough to tell night
/// from day.
enum VisitorClock {
    /// Minutes east of Greenwich, where most people of the country live.
    fileprivate static let table: [UInt16: Int32] = {
        let text = """
            GB 0 IE 0 PT 0 IS 0 MA 60 GH 0 SN 0 DE 60 FR 60 ES 60 IT 60 NL 60 BE 60 LU 60 AT 60 CH 60 DK 60 \
            NO 60 SE 60 PL 60 CZ 60 SK 60 HU 60 SI 60 HR 60 RS 60 BA 60 MK 60 AL 60 MT 60 NG 60 DZ 60 TN 60 \
            CM 60 FI 120 EE 120 LV 120 LT 120 RO 120 BG 120 GR 120 CY 120 UA 120 MD 120 IL 120 EG 120 ZA 120 \
            LB 120 JO 180 TR 180 RU 180 BY 180 SA 180 IQ 180 KW 180 QA 180 KE 180 ET 180 TZ 180 UG 180 \
            AE 240 OM 240 GE 240 AM 240 AZ 240 IR 210 PK 300 UZ 300 KZ 300 IN 330 LK 330 NP 345 BD 360 \
            TH 420 VN 420 ID 420 KH 420 CN 480 HK 480 TW 480 SG 480 MY 480 PH 480 JP 540 KR 540 AU 600 \
            NZ 720 BR -180 AR -180 UY -180 CL -240 VE -240 BO -240 PR -240 DO -240 US -300 CA -300 CO -300 \
            PE -300 EC -300 PA -300 JM -300 CU -300 MX -360 GT -360 CR -360 SV -360 HN -360
            """
        let words = text.split(separator: " ")
        var offsets: [UInt16: Int32] = [:]
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            offsets[code(words[index])] = Int32(words[index + 1]) ?? 0
        }
        return offsets
    }()

    static func code(_ text: some StringProtocol) -> UInt16 {
        let bytes = Array(text.utf8)
        guard bytes.count == 2 else { return 0 }
        return UInt16(bytes[0] & 0xDF) << 8 | UInt16(bytes[1] & 0xDF)
    }

    /// 0 … 23; of UTC for a country that is not known.
    static func hour(_ moment: Timestamp, country: UInt16) -> Int {
        let minutes = moment.microsecondsSinceEpoch / 60_000_000 + Int64(table[country] ?? 0)
        return Int((minutes / 60 % 24 + 24) % 24)
    }
}

extension FraudEvent {
    /// The countries whose hours are known, in two letters, with minutes east of Greenwich.
    public static var timeZones: [(country: String, minutes: Int32)] {
        VisitorClock.table.sorted { $0.key < $1.key }.map { code, minutes in
            (String(decoding: [UInt8(code >> 8), UInt8(code & 0xFF)], as: UTF8.self), minutes)
        }
    }

    /// The two letters of a country as `country` holds them; 0 for anything else.
    public static func country(_ text: String?) -> UInt16 { text.map { VisitorClock.code($0) } ?? 0 }
}
