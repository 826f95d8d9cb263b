/// Affiliates that share buying devices beyond chance, and the groups that they form.
struct DeviceRings: Sendable {
    private static let sharedMinimum = 3.0
    private static let edgeStrength = 6.0

    /// The strongest tie of an affiliate.
    struct Tie: Sendable {
        let other: UInt64
        let shared: Double
        let devices: Double
        let expected: Double
        let p: Double
        var groupSize = 2
    }

    private(set) var ties: [UInt64: Tie] = [:]

    init(_ links: LinkBook) {
        let counts = links.rings.counts
        guard !counts.sharedBy.isEmpty else { return }
        let devicesOf = counts.devicesOf.mapValues { Double($0) }
        let devices = Double(counts.devices)
        let excess = DeviceRings.excess(devicesOf, counts.sharedBy, devices)
        let strong = counts.sharedBy.filter { Double($0.value) >= DeviceRings.sharedMinimum }
        for (edge, count) in strong.sorted(by: { $0.key < $1.key }) {
            let shared = Double(count)
            let left = UInt32(edge >> 32)
            let right = UInt32(truncatingIfNeeded: edge)
            let expected = (devicesOf[left] ?? 0) * (devicesOf[right] ?? 0) / devices * excess
            let p = CountTails.poissonUpper(shared, mean: expected + 0.05)
            guard let one = links.names[left], let other = links.names[right] else { continue }
            note(one, Tie(other: other, shared: shared, devices: devicesOf[left] ?? 0, expected: expected, p: p))
            note(other, Tie(other: one, shared: shared, devices: devicesOf[right] ?? 0, expected: expected, p: p))
        }
        sizeGroups()
    }

    /// How much more honest affiliates share than if customers chose independently: people who shop by links shop by
    /// several. The median over affiliates with some devices, so that a ring does not explain itself.
    private static func excess(
        _ devicesOf: [UInt32: Double], _ sharedBy: [UInt64: Int32], _ devices: Double
    ) -> Double {
        var sharedOf: [UInt32: Double] = [:]
        for (edge, shared) in sharedBy {
            sharedOf[UInt32(edge >> 32), default: 0] += Double(shared)
            sharedOf[UInt32(truncatingIfNeeded: edge), default: 0] += Double(shared)
        }
        let all = devicesOf.values.reduce(0, +)
        var ratios: [Double] = []
        for (affiliate, own) in devicesOf where own >= 10 {
            let expected = own * (all - own) / devices
            if expected > 0 { ratios.append((sharedOf[affiliate] ?? 0) / expected) }
        }
        guard !ratios.isEmpty else { return 2 }
        return min(20, max(1, ratios.sorted()[ratios.count / 2]) * 1.5)
    }

    private mutating func note(_ affiliate: UInt64, _ tie: Tie) {
        if let known = ties[affiliate], (known.p, known.other) <= (tie.p, tie.other) { return }
        ties[affiliate] = tie
    }

    /// The sizes of the groups that strong ties connect.
    private mutating func sizeGroups() {
        var parent: [UInt64: UInt64] = [:]
        func root(_ start: UInt64) -> UInt64 {
            var node = start
            while let next = parent[node], next != node { node = next }
            return node
        }
        let strong = ties.filter { CountTails.strength($0.value.p) >= DeviceRings.edgeStrength }
        for (affiliate, tie) in strong.sorted(by: { $0.key < $1.key }) {
            parent[root(affiliate)] = root(tie.other)
        }
        var sizes: [UInt64: Set<UInt64>] = [:]
        for (affiliate, tie) in strong {
            sizes[root(affiliate), default: []].formUnion([affiliate, tie.other])
        }
        for affiliate in strong.keys { ties[affiliate]?.groupSize = sizes[root(affiliate)]?.count ?? 2 }
    }

    func finding(_ affiliate: UInt64) -> SignalFinding? {
        guard let tie = ties[affiliate] else { return nil }
        let strength = CountTails.strength(tie.p)
        guard strength > 0.3 else { return nil }
        return SignalFinding(
            signal: .deviceRing, program: 0, windowDays: LinkBook.deviceDays, k: tie.shared, n: tie.devices,
            baseline: tie.expected, past: nil, p: tie.p, strength: strength, change: strength,
            minimum: DeviceRings.sharedMinimum, isHigh: true)
    }
}
