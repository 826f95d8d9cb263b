import ArgumentParser
import Domain
import Stages
import WorkerRuntime

@main
struct PayoutPlanner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payout-planner", abstract: "Approves commissions that were judged clear, and plans payouts.")

    @OptionGroup var options: WorkerOptions

    @Option(help: "When to plan: on_demand, daily, weekly, monthly, net_15, net_30 or net_60. [env: PAYOUT_CALENDAR]")
    var payoutCalendar = Environment.text("PAYOUT_CALENDAR", default: PayoutCalendar.onDemand.rawValue)

    @Option(help: "Seconds between two looks for what is due. [env: PLANNING_INTERVAL_SECONDS]")
    var planningInterval = Environment.number("PLANNING_INTERVAL_SECONDS", default: 10)

    func run() async throws {
        let interval = Duration.seconds(planningInterval)
        let calendar = PayoutCalendar(rawValue: payoutCalendar) ?? .onDemand
        try await runWorker(PayoutPlanningStage(), options: options) { context in
            let publisher = LanePublisher(
                PayoutPlanningTimer.lane, owner: context.owner, pool: context.pool, producer: context.producer,
                logger: context.logger)
            let timer = PayoutPlanningTimer(
                pool: context.pool, publisher: publisher, calendar: calendar, every: interval, clock: systemNow,
                logger: context.logger)
            return [publisher, timer]
        }
    }

    func validate() throws {
        guard PayoutCalendar(rawValue: payoutCalendar) != nil else {
            let known = PayoutCalendar.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--payout-calendar is one of \(known), not \(payoutCalendar).")
        }
        guard (1...3_600).contains(planningInterval) else {
            throw ValidationError("--planning-interval is from 1 to 3600 seconds, not \(planningInterval).")
        }
    }
}
