/// The devices that are remembered. Most have clicked once and never bought: these take a fifth of the memory.
struct DeviceBook: Sendable, Codable {
    /// A device with one click.
    private struct Single: Sendable, Codable {
        let affiliate: UInt32
        let program: UInt32
        /// Milliseconds since the epoch.
        let time: Int64
        let lastDay: Int32
    }

    private var singles: [UInt64: Single] = [:]
    private var others: [UInt64: DeviceRecord] = [:]

    var count: Int { singles.count + others.count }

    func contains(_ key: UInt64) -> Bool { singles[key] != nil || others[key] != nil }

    func forEach(_ body: (UInt64, DeviceRecord) -> Void) {
        for key in singles.keys { if let record = self[key] { body(key, record) } }
        for (key, record) in others { body(key, record) }
    }

    /// Devices on which something was bought.
    func forEachBuyer(_ body: (UInt64, DeviceRecord) -> Void) {
        for (key, record) in others where record.sellers[0] != 0 { body(key, record) }
    }

    subscript(key: UInt64) -> DeviceRecord? {
        get {
            if let record = others[key] { return record }
            guard let single = singles[key] else { return nil }
            var record = DeviceRecord()
            record.click(affiliate: single.affiliate, program: single.program, at: single.time)
            record.lastDay = single.lastDay
            return record
        }
        set {
            guard let newValue, newValue.isSingleClick, others[key] == nil else {
                singles[key] = nil
                others[key] = newValue
                return
            }
            singles[key] = Single(
                affiliate: newValue.clickAffiliates[0], program: newValue.clickPrograms[0],
                time: newValue.clickTimes[0], lastDay: newValue.lastDay)
        }
    }

    /// Forgets devices that were last used on `day` or before.
    mutating func forget(through day: Int32, _ body: (DeviceRecord) -> Void) {
        singles = singles.filter { $0.value.lastDay > day }
        others = others.filter { entry in
            if entry.value.lastDay > day { return true }
            body(entry.value)
            return false
        }
    }
}

extension DeviceRecord {
    fileprivate var isSingleClick: Bool {
        clickAffiliates[0] != 0 && clickAffiliates[1] == 0 && customers[0] == 0 && sellers[0] == 0
    }
}
