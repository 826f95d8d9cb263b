/// Links each event with those before it: an order with its click, a refund with its order, a device with its buyers.
///
/// Events must come in the order of `FraudEvent.precedes`; the book says of each only what its past says.
struct LinkBook: Sendable, Codable {
    static let deviceDays: Int32 = 30
    static let orderDays: Int32 = 120
    static let buyerDays: Int32 = 30
    /// Devices, clicks, orders and buyers kept at most, each; beyond, whole days are forgotten, the oldest first.
    static let recordsMaximum = 4_000_000

    static let rivalMilliseconds: Int64 = 3_600_000
    static let burstMilliseconds: Int64 = 3_000
    static let twinSeconds: Int64 = 4 * 86_400
    static let rushMilliseconds: Int64 = 60_000

    var devices = DeviceBook()
    /// Of all devices that are remembered, in memory or not.
    var rings = RingBook()
    var clicks: [UInt64: ClickRecord] = [:]
    var orders: [UInt64: OrderRecord] = [:]
    /// By customer, and by device.
    var buyers: [UInt64: BuyerRecord] = [:]
    /// The last order of a pair, and the gap before it, in milliseconds.
    var rhythm: [FraudPair: SIMD2<Int64>] = [:]
    var coupons: [UInt64: CouponRecord] = [:]
    var markets = MarketBook()
    /// The affiliates behind the 32-bit hashes of the devices.
    var names: [UInt32: UInt64] = [:]

    var deviceCount: Int { devices.count }

    /// - Returns: nil for what counts for nobody.
    mutating func link(_ event: FraudEvent, _ context: FraudContext, assists: inout [FraudPair]) -> LinkedEvent? {
        switch event.kind {
        case .click: return click(event, context)
        case .conversion: return order(event, context, assists: &assists)
        case .refund, .chargeback: return loss(event)
        }
    }

    private mutating func click(_ event: FraudEvent, _ context: FraudContext) -> LinkedEvent {
        var linked = LinkedEvent(event, affiliate: event.affiliate, day: event.at.day)
        names[event.affiliate.short] = event.affiliate
        place(&linked, context)
        linked.facts.insert(.click)
        let isAfterRival = event.device != 0 && clickOfDevice(event, &linked.facts)
        linked.facts.insert(.clickAfterRival, if: isAfterRival)
        if event.click != 0, clicks[event.click] == nil {
            clicks[event.click] = ClickRecord(
                at: event.at, affiliate: event.affiliate, device: event.device, subnet: event.subnet,
                country: event.country, isAfterRival: isAfterRival, hasLanding: event.marks.contains(.hasLanding),
                isPaid: event.marks.contains(.paidClick))
        }
        return linked
    }

    /// - Returns: whether the device followed a rival's link shortly before.
    private mutating func clickOfDevice(_ event: FraudEvent, _ facts: inout FraudFacts) -> Bool {
        facts.insert(.clickDevice)
        var record = devices[event.device] ?? DeviceRecord()
        let now = event.at.microsecondsSinceEpoch / 1_000
        var isAfterRival = false
        var own: [Int64] = []
        for index in 0..<4 where record.clickAffiliates[index] != 0 {
            let gap = now - record.clickTimes[index]
            let isProgram = record.clickPrograms[index] == event.program.short
            if record.clickAffiliates[index] == event.affiliate.short {
                if isProgram { own.append(gap) }
                facts.insert(.clickProgramBurst, if: !isProgram && gap <= LinkBook.burstMilliseconds)
            } else if isProgram, gap <= LinkBook.rivalMilliseconds {
                isAfterRival = true
            }
        }
        if let gap = own.first {
            facts.insert(.clickAgain, if: gap <= 86_400_000)
            facts.insert(.clickRapid, if: gap <= 60_000)
            if own.count > 1 {
                let before = own[1] - gap
                facts.insert(.clickRegular, if: gap > 5_000 && abs(gap - before) * 12 <= gap)
            }
        }
        record.click(affiliate: event.affiliate.short, program: event.program.short, at: now)
        record.lastDay = event.at.day
        devices[event.device] = record
        return isAfterRival
    }

    private mutating func order(
        _ event: FraudEvent, _ context: FraudContext, assists: inout [FraudPair]
    ) -> LinkedEvent? {
        let click = event.click == 0 ? nil : clicks[event.click].flatMap { $0.at <= event.at ? $0 : nil }
        let affiliate = click?.affiliate ?? event.affiliate
        guard affiliate != 0 else { return nil }
        names[affiliate.short] = affiliate
        var linked = LinkedEvent(event, affiliate: affiliate, day: event.at.day)
        if event.order != 0 {
            guard orders[event.order] == nil else {
                linked.facts.insert(.orderRepeated)
                return linked
            }
            orders[event.order] = OrderRecord(at: event.at, affiliate: affiliate)
        }
        linked.facts.insert(.order)
        place(&linked, context)
        link(&linked, with: click)
        buyer(&linked)
        if event.device != 0 { orderOfDevice(&linked, assists: &assists) }
        money(&linked, context)
        rhythm(&linked)
        return linked
    }

    private mutating func link(_ linked: inout LinkedEvent, with click: ClickRecord?) {
        let event = linked.event
        guard event.click != 0 else { return linked.facts.insert(.orderWithoutClick) }
        guard var click else { return linked.facts.insert(.orderOfUnknownClick) }
        linked.facts.insert(.orderOfClick)
        linked.secondsFromClick = event.at.seconds(since: click.at)
        linked.facts.insert(.orderAfterRival, if: click.isAfterRival)
        linked.facts.insert(.orderOfLandedClick, if: click.hasLanding)
        linked.facts.insert(.orderOfPaidClick, if: click.hasLanding && click.isPaid)
        compare(event.device, click.device, &linked.facts, .orderDeviceBoth, .orderDeviceDiffers)
        compare(event.subnet, click.subnet, &linked.facts, .orderSubnetBoth, .orderSubnetDiffers)
        compare(
            UInt64(event.country), UInt64(click.country), &linked.facts, .orderCountryBoth, .orderCountryDiffers)
        let buyer = event.customer != 0 ? event.customer : event.device
        if click.orders > 0 {
            linked.facts.insert(.orderOfUsedClick)
            linked.facts.insert(.orderOfForeignClick, if: buyer != 0 && buyer != click.customer)
        } else {
            click.customer = buyer
        }
        click.orders = click.orders == .max ? .max : click.orders + 1
        clicks[event.click] = click
    }

    private func compare(
        _ left: UInt64, _ right: UInt64, _ facts: inout FraudFacts, _ both: FraudFact, _ differs: FraudFact
    ) {
        guard left != 0, right != 0 else { return }
        facts.insert(both)
        facts.insert(differs, if: left != right)
    }

    /// What the same customer, or the same device, bought before.
    private mutating func buyer(_ linked: inout LinkedEvent) {
        let event = linked.event
        linked.facts.insert(.orderCustomer, if: event.customer != 0)
        for key in [event.customer, event.device] where key != 0 {
            if let before = buyers[key] {
                let isCustomer = key == event.customer
                let isOwn = before.affiliate == linked.affiliate
                linked.facts.insert(.orderCustomerAgain, if: isCustomer && isOwn)
                linked.facts.insert(.orderCustomerRival, if: isCustomer && !isOwn)
                let isClose = event.at.seconds(since: before.at) <= LinkBook.twinSeconds
                let isSame = abs(event.amountMinor - before.amountMinor) * 100 <= before.amountMinor
                linked.facts.insert(.orderTwin, if: isOwn && isClose && isSame)
            }
            buyers[key] = BuyerRecord(at: event.at, amountMinor: event.amountMinor, affiliate: linked.affiliate)
        }
    }

    private mutating func orderOfDevice(_ linked: inout LinkedEvent, assists: inout [FraudPair]) {
        let event = linked.event
        var record = devices[event.device] ?? DeviceRecord()
        let own = linked.affiliate.short
        linked.facts.insert(.orderDevice)
        let customer = event.customer == 0 ? 0 : event.customer.short
        let isShared = customer != 0 && DeviceRecord.others(than: customer, in: record.customers) > 0
        linked.facts.insert(.orderDeviceShared, if: isShared)
        linked.facts.insert(.orderNewOnUsedDevice, if: isShared && event.marks.contains(.newCustomer))
        linked.facts.insert(.orderDeviceRival, if: DeviceRecord.others(than: own, in: record.sellers) > 0)
        let first = assists.count
        for index in 0..<4 where record.clickAffiliates[index] != 0 && record.clickAffiliates[index] != own {
            guard record.clickPrograms[index] == event.program.short,
                let affiliate = names[record.clickAffiliates[index]]
            else { continue }
            let pair = FraudPair(program: event.program, affiliate: affiliate)
            if !assists[first...].contains(pair) { assists.append(pair) }
        }
        record.remember(customer, in: \.customers)
        let before = record.sellers
        record.remember(own, in: \.sellers)
        rings.change(before, to: record.sellers)
        record.lastDay = event.at.day
        devices[event.device] = record
    }

    private mutating func money(_ linked: inout LinkedEvent, _ context: FraudContext) {
        let event = linked.event
        linked.relativeAmount = markets.relative(event)
        if let program = context.programs[event.program], let limit = program.autoApproveLimitMinor, limit > 0,
            program.currency == 0 || event.currency == 0 || program.currency == event.currency
        {
            linked.facts.insert(.orderLimit)
            let isNear = event.amountMinor < limit && event.amountMinor >= limit - limit / 10
            linked.facts.insert(.orderNearLimit, if: isNear)
        }
        linked.facts.insert(.orderNewness, if: event.marks.contains(.newnessKnown))
        linked.facts.insert(.orderNewCustomer, if: event.marks.contains(.newCustomer))
        if event.coupon != 0 {
            linked.facts.insert(.orderCoupon)
            let isForeign = coupons[event.coupon, default: CouponRecord(owner: linked.affiliate)].use(linked.affiliate)
            linked.facts.insert(.orderForeignCoupon, if: isForeign)
        }
        let home = context.affiliates[linked.affiliate]?.signUpAddress ?? 0
        linked.facts.insert(.orderSelf, if: home != 0 && home == event.address)
    }

    /// Orders that come in a rush, or as evenly as a machine makes them.
    private mutating func rhythm(_ linked: inout LinkedEvent) {
        let pair = FraudPair(program: linked.event.program, affiliate: linked.affiliate)
        let now = linked.event.at.microsecondsSinceEpoch / 1_000
        guard let last = rhythm[pair] else {
            rhythm[pair] = SIMD2(now, 0)
            return
        }
        let gap = now - last[0]
        linked.facts.insert(.orderSpaced)
        linked.facts.insert(.orderRush, if: gap <= LinkBook.rushMilliseconds)
        linked.facts.insert(.orderEven, if: gap > 2_000 && last[1] > 0 && abs(gap - last[1]) * 12 <= gap)
        rhythm[pair] = SIMD2(now, gap)
    }

    private mutating func place(_ linked: inout LinkedEvent, _ context: FraudContext) {
        let event = linked.event
        let isClick = event.kind == .click
        linked.hour = VisitorClock.hour(event.at, country: event.country)
        let isOff = markets.isOff(event, context.programs[event.program])
        linked.facts.insert(isClick ? .clickNight : .orderNight, if: (1..<6).contains(linked.hour))
        linked.facts.insert(isClick ? .clickCountry : .orderCountry, if: event.country != 0)
        linked.facts.insert(isClick ? .clickOffMarket : .orderOffMarket, if: event.country != 0 && isOff)
        linked.facts.insert(isClick ? .clickAddress : .orderAddress, if: event.address != 0)
        linked.facts.insert(isClick ? .clickHosting : .orderHosting, if: event.marks.contains(.hosting))
        linked.facts.insert(isClick ? .clickAgent : .orderAgent, if: event.agent != 0)
        linked.facts.insert(isClick ? .clickAutomated : .orderAutomated, if: event.marks.contains(.automated))
        guard isClick else { return }
        linked.facts.insert(.clickReferrerless, if: !event.marks.contains(.hasReferrer))
        linked.facts.insert(.clickLanding, if: event.marks.contains(.hasLanding))
        linked.facts.insert(.clickPaid, if: event.marks.contains(.paidClick))
    }

    private func loss(_ event: FraudEvent) -> LinkedEvent? {
        let order = orders[event.order]
        guard let affiliate = order?.affiliate ?? (event.affiliate == 0 ? nil : event.affiliate) else { return nil }
        var linked = LinkedEvent(event, affiliate: affiliate, day: (order?.at ?? event.at).day)
        let age = order.map { event.at.seconds(since: $0.at) } ?? 0
        linked.facts.insert(event.kind == .refund ? .refund : .chargeback)
        linked.facts.insert(.earlyRefund, if: event.kind == .refund && order != nil && age <= 3 * 86_400)
        return linked
    }

    /// Forgets what is too old after `day`, and learns the day's markets.
    mutating func age(to day: Int32, windowDays: Int32) {
        markets.close()
        forgetDevices(through: day - LinkBook.deviceDays)
        clicks = clicks.filter { $0.value.at.day > day - windowDays }
        orders = orders.filter { $0.value.at.day > day - LinkBook.orderDays }
        buyers = buyers.filter { $0.value.at.day > day - LinkBook.buyerDays }
        shedDevices(newest: day)
        shed(&clicks, newest: day) { $0.at.day }
        shed(&orders, newest: day) { $0.at.day }
        shed(&buyers, newest: day) { $0.at.day }
    }

    private mutating func forgetDevices(through day: Int32) {
        // Taken out, since a copy of all that is counted would be made each day.
        var rings = RingBook()
        swap(&rings, &self.rings)
        devices.forget(through: day) { rings.change($0.sellers, to: SIMD8()) }
        self.rings = rings
    }

    private mutating func shedDevices(newest day: Int32) {
        var oldest = day - LinkBook.deviceDays
        while devices.count > LinkBook.recordsMaximum, oldest <= day {
            forgetDevices(through: oldest)
            oldest += 1
        }
    }

    private func shed<Record>(
        _ records: inout [UInt64: Record], newest day: Int32, _ dayOf: (Record) -> Int32
    ) {
        var oldest = day - LinkBook.orderDays
        while records.count > LinkBook.recordsMaximum, oldest <= day {
            records = records.filter { dayOf($0.value) > oldest }
            oldest += 1
        }
    }
}
