/// What is remembered of a device: who bought on it, whose links it followed. Fixed in size, as there are millions.
struct DeviceRecord: Sendable, Codable {
    /// 32-bit hashes; 0 for a free place. Of more than eight the least stay, whatever their order.
    var customers = SIMD8<UInt32>()
    /// Affiliates that orders on the device counted for.
    var sellers = SIMD8<UInt32>()
    /// The last four clicks, the newest first.
    var clickAffiliates = SIMD4<UInt32>()
    var clickPrograms = SIMD4<UInt32>()
    /// Milliseconds since the epoch.
    var clickTimes = SIMD4<Int64>()
    var lastDay: Int32 = .min

    mutating func remember(_ key: UInt32, in places: WritableKeyPath<DeviceRecord, SIMD8<UInt32>>) {
        guard key != 0 else { return }
        var largest = 0
        for index in 0..<8 {
            let place = self[keyPath: places][index]
            if place == key { return }
            if place == 0 {
                self[keyPath: places][index] = key
                return
            }
            if place > self[keyPath: places][largest] { largest = index }
        }
        if key < self[keyPath: places][largest] { self[keyPath: places][largest] = key }
    }

    mutating func click(affiliate: UInt32, program: UInt32, at time: Int64) {
        for index in [3, 2, 1] {
            clickAffiliates[index] = clickAffiliates[index - 1]
            clickPrograms[index] = clickPrograms[index - 1]
            clickTimes[index] = clickTimes[index - 1]
        }
        clickAffiliates[0] = affiliate
        clickPrograms[0] = program
        clickTimes[0] = time
    }

    static func others(than key: UInt32, in places: SIMD8<UInt32>) -> Int {
        var count = 0
        for index in 0..<8 where places[index] != 0 && places[index] != key { count += 1 }
        return count
    }
}

/// What is remembered of a click until its programme's window is over.
struct ClickRecord: Sendable, Codable {
    let at: Timestamp
    let affiliate: UInt64
    let device: UInt64
    let subnet: UInt64
    let country: UInt16
    /// Whether the device had followed another affiliate's link shortly before.
    let isAfterRival: Bool
    /// Whether it says where it led, and that with the mark of paid advertising.
    let hasLanding: Bool
    let isPaid: Bool
    var orders: UInt16 = 0
    /// Who bought first.
    var customer: UInt64 = 0
}

/// What is remembered of an order, for what may come back from it.
struct OrderRecord: Sendable, Codable {
    let at: Timestamp
    let affiliate: UInt64
}

/// The last order of a customer, or on a device.
struct BuyerRecord: Sendable, Codable {
    var at: Timestamp
    var amountMinor: Int64
    var affiliate: UInt64
}

extension UInt64 {
    /// A hash of half the length; never 0.
    var short: UInt32 {
        let folded = UInt32(truncatingIfNeeded: self ^ self >> 32)
        return folded == 0 ? 1 : folded
    }
}

/// Whose a coupon is: of whoever used it first and often; one that many use is nobody's.
struct CouponRecord: Sendable, Codable {
    /// Uses from which on it is the owner's.
    static let usesMinimum: UInt16 = 5
    /// Others whose uses make it everybody's.
    static let othersMaximum = 3

    let owner: UInt64
    var uses: UInt16 = 0
    var others: [UInt32] = []

    /// - Returns: whether it is another's.
    mutating func use(_ affiliate: UInt64) -> Bool {
        guard affiliate != owner else {
            uses = min(uses + 1, CouponRecord.usesMinimum)
            return false
        }
        if others.count < CouponRecord.othersMaximum, !others.contains(affiliate.short) {
            others.append(affiliate.short)
        }
        return uses == CouponRecord.usesMinimum && others.count < CouponRecord.othersMaximum
    }
}
