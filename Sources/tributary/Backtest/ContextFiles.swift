import ArgumentParser
import Domain
import Events
import Foundation

/// What the optional files say about programmes, affiliates and data centres.
struct ContextOptions: ParsableArguments {
    @Option(help: "Programmes: a JSON array of {program_id, currency, usd_rate, auto_approve_limit_minor, …}.")
    var programs: String?
    @Option(help: "Affiliates: a JSON array of {affiliate_id, joined_at, country, signup_ip}.")
    var affiliates: String?
    @Option(help: "Prefixes of data centres, one CIDR a line.")
    var datacentrePrefixes: String?

    func context() throws -> FraudContext {
        try ContextOptions.context(
            programs: programs.map { try Array(UnusableFile.read($0)) },
            signUps: affiliates.map { try Array(UnusableFile.read($0)) })
    }

    /// - Parameters: the bytes of the files, nil for none.
    static func context(programs: [UInt8]?, signUps: [UInt8]?) throws -> FraudContext {
        var context = FraudContext()
        for file in try programs.map({ try decode(ProgramFile.self, $0, "--programs") }) ?? [] {
            var program = FraudProgram()
            program.autoApproveLimitMinor = file.autoApproveLimitMinor
            program.currency = FraudHash.of(file.currency)
            program.usdRate = file.usdPerMinorUnit
            program.attributionWindowDays = file.attributionWindowDays ?? 30
            program.mainMarkets = Set((file.mainMarkets ?? []).map { FraudEvent.country($0) }).subtracting([0])
            context.programs[FraudHash.of(file.programID)] = program
        }
        for file in try signUps.map({ try decode(AffiliateFile.self, $0, "--affiliates") }) ?? [] {
            var affiliate = FraudAffiliate()
            affiliate.signUpAddress = file.signUpAddress
            context.affiliates[FraudHash.of(file.affiliateID)] = affiliate
        }
        return context
    }

    private static func decode<Item: Decodable>(_: Item.Type, _ bytes: [UInt8], _ option: String) throws -> [Item] {
        try UnusableFile.decode(Item.self, Data(bytes), of: option)
    }

    /// - Returns: what to say about lines that are no prefix, beside the others.
    func dataCentres() throws -> (prefixes: IPPrefixSet, unread: Int) {
        var prefixes = IPPrefixSet()
        var unread = 0
        guard let datacentrePrefixes else { return (prefixes, 0) }
        var file = try LineReader(path: datacentrePrefixes)
        while let line = try file.next() {
            let text = String(decoding: line, as: UTF8.self).prefix { $0 != "#" }.filter { !$0.isWhitespace }
            if !text.isEmpty, !prefixes.insert(text) { unread += 1 }
        }
        return (prefixes, unread)
    }
}

/// An affiliate as `--affiliates` describes it.
private struct AffiliateFile: Decodable {
    let affiliateID: String
    let signUpIP: String?

    private enum CodingKeys: String, CodingKey {
        case affiliateID = "affiliate_id"
        case signUpIP = "signup_ip"
    }

    var signUpAddress: UInt64 {
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
