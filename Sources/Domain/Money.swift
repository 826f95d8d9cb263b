/// An ISO 4217 currency that Tributary accounts in.
public struct Currency: Hashable, Comparable, Sendable {
    /// Three capital letters.
    public let code: String
    /// How many decimal digits the minor unit stands for: 2 for cents, 0 for yen, 3 for fils.
    public let exponent: Int

    /// - Returns: nil for a code that ISO 4217 does not list as a currency in circulation.
    public init?(code: String) {
        guard let exponent = Currency.exponents[code] else { return nil }
        self.code = code
        self.exponent = exponent
    }

    public static func < (left: Currency, right: Currency) -> Bool { left.code < right.code }

    private static let exponents: [String: Int] = {
        let withoutMinorUnit = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
        let withThreeDigits = "BHD IQD JOD KWD LYD OMR TND"
        let withTwoDigits = """
            AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
            CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
            IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
            MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
            SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER \
            ZAR ZMW ZWG
            """
        var exponents: [String: Int] = [:]
        for (codes, exponent) in [(withoutMinorUnit, 0), (withThreeDigits, 3), (withTwoDigits, 2)] {
            for code in codes.split(separator: " ") { exponents[String(code)] = exponent }
        }
        return exponents
    }()
}

/// An amount in a currency's minor units.
public struct Money: Hashable, Sendable {
    public let minorUnits: Int64
    public let currency: Currency

    public init(minorUnits: Int64, currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    /// The amount with its decimal point, as in `1234.50`, without the currency.
    public var decimal: String {
        Money.decimal(minorUnits: minorUnits, exponent: currency.exponent)
    }

    /// - Parameter exponent: digits behind the point, 0 or more.
    public static func decimal(minorUnits: Int64, exponent: Int) -> String {
        let digits = String(minorUnits.magnitude)
        let sign = minorUnits < 0 ? "-" : ""
        guard exponent > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, exponent + 1 - digits.count)) + digits
        return sign + padded.dropLast(exponent) + "." + padded.suffix(exponent)
    }
}
