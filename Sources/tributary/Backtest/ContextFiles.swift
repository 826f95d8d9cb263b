import ArgumentParser
import Domain
import Events
import Foundation

/// What the optional files say about programmes, affiliates and data centres.
struct ContextOptions: ParsableArguments {
    @Option(
        help: """
            Programmes: a JSON array of {program_id, currency, usd_rate, auto_approve_limit_minor, \
            attribution_window_days, main_markets}; all but the first two may be left out.
            """)
    var programs: String?
    @Option(
        help: """
            Affiliates: a JSON array of {affiliate_id, joined_at, country, signup_ip}; all but the first may be left \
            out.
            """)
    var affiliates: String?
    @Option(help: "Prefixes of data centres, one CIDR a line, # before a comment.")
    var datacentrePrefixes: String?

    func context() throws -> FraudContext {
        try ContextOptions.context(
            programs: programs.map(ProgramFile.read) ?? [], signUps: affiliates.map(SignUpFile.read) ?? [])
    }

    static func context(programs: [ProgramFile], signUps: [SignUpFile]) -> FraudContext {
        var context = FraudContext()
        for file in programs {
            var program = FraudProgram()
            program.autoApproveLimitMinor = file.autoApproveLimitMinor
            program.currency = FraudHash.of(file.currency)
            program.usdRate = file.usdPerMinorUnit
            program.attributionWindowDays = file.attributionWindowDays ?? 30
            program.mainMarkets = Set((file.mainMarkets ?? []).map { FraudEvent.country($0) }).subtracting([0])
            context.programs[FraudHash.of(file.programID)] = program
        }
        for file in signUps {
            var affiliate = FraudAffiliate()
            affiliate.signUpAddress = file.signUpAddress
            context.affiliates[FraudHash.of(file.affiliateID)] = affiliate
        }
        return context
    }

    /// Lines that are no prefix are left out, and told with the first of them.
    func dataCentres() throws -> IPPrefixSet {
        var prefixes = IPPrefixSet()
        var unread: [String] = []
        guard let datacentrePrefixes else { return prefixes }
        var file = try LineReader(path: datacentrePrefixes)
        while let line = try file.next() {
            let text = String(decoding: line, as: UTF8.self).prefix { $0 != "#" }.filter { !$0.isWhitespace }
            if !text.isEmpty, !prefixes.insert(text) { unread.append(text) }
        }
        if let first = unread.first {
            complain("\(datacentrePrefixes): not a CIDR prefix, left out: \(first) (lines like it: \(unread.count))")
        }
        return prefixes
    }
}

/// An affiliate as `--affiliates` describes it.
struct SignUpFile: Decodable {
    let affiliateID: String
    let signUpIP: String?

    private enum CodingKeys: String, CodingKey {
        case affiliateID = "affiliate_id"
        case signUpIP = "signup_ip"
    }

    static func read(_ path: String) throws -> [SignUpFile] {
        try UnusableFile.decode(SignUpFile.self, UnusableFile.read(path), of: path)
    }

    fileprivate var signUpAddress: UInt64 {
        guard let signUpIP else { return 0 }
        return IPAddress(signUpIP)?.addressHash ?? FraudHash.of(signUpIP)
    }
}

extension ProgramFile {
    /// Dollars' minor units for a minor unit of the programme's currency; nil without a rate.
    fileprivate var usdPerMinorUnit: Double? {
        guard let rate = usdRate.flatMap(Double.init), let currency = Currency(code: currency) else { return nil }
        var unit = rate
        for _ in 0..<max(0, 2 - currency.exponent) { unit *= 10 }
        for _ in 0..<max(0, currency.exponent - 2) { unit /= 10 }
        return unit
    }
}
