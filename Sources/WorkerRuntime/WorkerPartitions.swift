import Domain
import Kafka
import Logging
import Outbox
import Postgres

extension Worker {
    // MARK: Ownership

    /// Step 1: takes the assigned partitions over in the database, finishes what their owners left unpublished, and
    /// starts where the rows say.
    func claim() async throws(WorkerFailure) {
        let sources = unclaimed
        let lanes = sources.map { Lane(workerGroup: stage.name, topic: $0.topic, partition: $0.partition) }
        let owner = settings.owner
        do throws(PostgresError) {
            let claimed = try await pool.transaction { (transaction) throws(PostgresError) in
                let claimed = lanes.isEmpty ? [] : try ClaimStore.claim(lanes, owner: owner, in: transaction)
                CrashPoint.hit(.inClaim)
                return claimed
            }
            owned = Dictionary(uniqueKeysWithValues: claimed.map { ($0.lane.source, $0) })
            missing = Set(sources).subtracting(owned.keys)
            backlog = []
            try await republish()
        } catch {
            return await pause(error)
        }
        unclaimed = []
        try await startFetching()
        rest.recovered()
        health.unready("database", nil)
        health.unready("partitions", nil)
        logger.info("partitions claimed", metadata: [LogKey.count: "\(owned.count)"])
    }

    /// Queues what owners before committed and did not publish: `[published_upto, next_out_seq)` of each lane.
    private func republish() async throws(PostgresError) {
        unpublished = []
        for partition in owned.values where partition.publishedUpTo < partition.nextOutSequence {
            unpublished += try await pool.transaction { (transaction) throws(PostgresError) in
                try OutboxStore.load(
                    partition.lane, from: partition.publishedUpTo, limit: .max, in: transaction)
            }
        }
    }

    /// Starts every partition that is not held where its row stands.
    private func startFetching() async throws(WorkerFailure) {
        let offsets = owned.filter { $0.value.mode != .held }.mapValues(\.nextOffset)
        do throws(KafkaError) {
            try await consumer.assign(offsets)
            // A pause outlives the assignment that it was made in.
            try await consumer.resume(Array(offsets.keys))
        } catch {
            throw .kafka(error)
        }
        for partition in owned.values where partition.mode == .held { report("partition held", partition) }
        for source in missing {
            logger.error(
                "partition held",
                metadata: [
                    LogKey.topic: "\(source.topic)", LogKey.partition: "\(source.partition)",
                    LogKey.reason: "missing-offset",
                ])
        }
        metrics.set("fleet_partitions_owned", to: Double(offsets.count), labels)
        metrics.set("fleet_partitions_held", to: Double(owned.count - offsets.count + missing.count), labels)
    }

    /// Gives partitions back. Lost ones are left as they are: someone else may own them already.
    func release(_ partitions: [TopicPartition], lost: Bool) async throws(WorkerFailure) {
        CrashPoint.hit(.inRevoke)
        if !lost { await settleBeforeRelease() }
        if lost { metrics.add(to: "fleet_assignments_lost_total", labels) }
        owned = [:]
        missing = []
        unclaimed = []
        backlog = []
        unpublished = []
        mirror = [:]
        health.unready("partitions", "between two assignments")
        do throws(KafkaError) {
            try await consumer.unassign()
        } catch {
            throw .kafka(error)
        }
        logger.info(
            "partitions released", metadata: [LogKey.count: "\(partitions.count)", LogKey.lost: "\(lost)"])
    }

    /// Publishes what is committed and marks the rows as left in good order. What fails is done by the next owner.
    private func settleBeforeRelease() async {
        settle(await publisher.publish(unpublished), newlyCommitted: [])
        let partitions = Array(owned.values)
        guard !partitions.isEmpty else { return }
        do throws(PostgresError) {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.savePublished(partitions, release: true, in: transaction)
            }
        } catch {
            logger.warning("release failed", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Saves how far idle lanes are published; busy ones carry it in their next batch.
    func savePublished() async {
        let behind = owned.values.filter { $0.publishedUpTo > $0.savedPublishedUpTo }
        guard !behind.isEmpty else { return }
        do throws(PostgresError) {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.savePublished(behind, release: false, in: transaction)
            }
            for partition in behind { owned[partition.lane.source]?.savedPublishedUpTo = partition.publishedUpTo }
        } catch {
            await pause(error)
        }
    }

    /// These lanes are another's now, or an operator moved or held them: nothing more is done for them as they were.
    func leave(_ lanes: Set<Lane>) async {
        metrics.add(Double(lanes.count), to: "fleet_fenced_total", labels)
        for lane in lanes {
            logger.warning(
                "partition fenced",
                metadata: [LogKey.topic: "\(lane.topic)", LogKey.partition: "\(lane.partition)"])
            drop(lane.source)
            // Held until its row says that it runs under our epoch, or the group takes it away.
            owned[lane.source]?.mode = .held
        }
        await pauseFetching(lanes.map(\.source))
    }

    private func drop(_ source: TopicPartition) {
        backlog.removeAll { $0.record.source == source }
        unpublished.removeAll { $0.lane.source == source }
    }

    private func pauseFetching(_ sources: [TopicPartition]) async {
        do throws(KafkaError) {
            try await consumer.pause(sources)
        } catch {
            // Records that come all the same are dropped: the partition is not ours, or held.
            logger.debug("pause refused", metadata: [LogKey.error: "\(error)"])
        }
    }

    // MARK: Holds

    func holdFutureSchema(_ record: Record, major: Int64) async {
        await hold(record.source, .futureSchema, "offset \(record.offset) has major version \(major)")
    }

    func holdRefused(_ record: Record, _ error: PostgresError) async {
        await hold(record.source, .deadLetterRefused, "offset \(record.offset): SQLSTATE \(error.sqlState ?? "none")")
    }

    func holdOutOfRange(_ source: TopicPartition) async {
        let wanted = owned[source]?.nextOffset ?? 0
        do throws(KafkaError) {
            let log = try await consumer.watermarks(source)
            await hold(source, .offsetOutOfRange, "next offset \(wanted), the log has \(log.low) to \(log.high)")
        } catch {
            await hold(source, .offsetOutOfRange, "next offset \(wanted), the log's bounds are unknown")
        }
    }

    /// Holds partitions that bury too many records: more likely a faulty producer or release than bad luck.
    func breakCircuits(_ deadSources: [TopicPartition]) async {
        guard settings.deadLetterLimit > 0 else { return }
        for source in Set(deadSources) {
            owned[source]?.deadLetters.add(deadSources.count { $0 == source }, at: .now)
            let count = owned[source]?.deadLetters.count ?? 0
            if count > settings.deadLetterLimit {
                await hold(source, .manyDeadLetters, "\(count) dead letters within five minutes")
            }
        }
    }

    private func hold(_ source: TopicPartition, _ reason: HoldReason, _ detail: String) async {
        guard let partition = owned[source], partition.mode != .held else { return }
        do throws(PostgresError) {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.hold(partition, reason: reason, detail: detail, in: transaction)
            }
        } catch {
            await pause(error)
            return
        }
        backlog.removeAll { $0.record.source == source }
        owned[source]?.mode = .held
        await pauseFetching([source])
        logger.error(
            "partition held",
            metadata: [
                LogKey.topic: "\(source.topic)", LogKey.partition: "\(source.partition)",
                LogKey.reason: "\(reason.rawValue)", LogKey.detail: "\(detail)",
            ])
        metrics.set("fleet_partitions_held", to: Double(owned.values.count { $0.mode == .held }), labels)
    }

    /// Looks whether an operator let held partitions go; then all are claimed anew and start where their rows stand.
    func releaseHolds() async {
        let held = owned.values.filter { $0.mode == .held }
        let lanes =
            held.map(\.lane)
            + missing.map {
                Lane(workerGroup: stage.name, topic: $0.topic, partition: $0.partition)
            }
        do throws(PostgresError) {
            let rows = try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.read(lanes, in: transaction)
            }
            let mayRun =
                held.contains { rows[$0.lane].map { row in row.runs } == true && !isAnothers($0, rows) }
                || missing.contains { source in rows.contains { $0.key.source == source && $0.value.runs } }
            guard mayRun else { return }
            // In good order, or the claim would count this owner as one that died here.
            await settleBeforeRelease()
            unclaimed = Array(owned.keys) + missing
            rest.begin()  // claims at the next turn, as after any pause
        } catch {
            await pause(error)
        }
    }

    private func isAnothers(_ partition: OwnedPartition, _ rows: [Lane: StreamRow]) -> Bool {
        rows[partition.lane].map { $0.epoch != partition.epoch } ?? true
    }

    // MARK: Rest

    /// Stops taking records until the database answers again; the membership of the group goes on.
    func pause(_ error: PostgresError) async {
        rest.begin()
        health.unready("database", "\(error.errorClass.rawValue) \(error.sqlState ?? "")")
        metrics.add(to: "fleet_db_errors_total", labels + [("class", error.errorClass.rawValue)])
        logger.warning(
            "database failed", metadata: [LogKey.error: "\(error)", LogKey.errorClass: "\(error.errorClass.rawValue)"])
        await pauseFetching(Array(owned.keys))
    }

    /// Tries again once the pause is over: pending claims first.
    func endRestIfOver() async throws(WorkerFailure) {
        if let since = rest.since, ContinuousClock.now - since > settings.dependencyWithin { throw .dependencyDown }
        guard rest.isOver else { return }
        rest.end()
        guard unclaimed.isEmpty else { return try await claim() }
        do throws(KafkaError) {
            try await consumer.resume(owned.filter { $0.value.mode != .held }.map(\.key))
        } catch {
            logger.debug("resume refused", metadata: [LogKey.error: "\(error)"])
        }
    }

    // MARK: End

    /// Publishes what is committed, releases the partitions and leaves the group; the deadline is the runner's.
    func drain() async {
        health.unready("start", "draining")
        await settleBeforeRelease()
        owned = [:]
        await consumer.close(within: .seconds(5))
        logger.info("worker drained")
    }

    private func report(_ event: Logger.Message, _ partition: OwnedPartition) {
        logger.error(
            event,
            metadata: [
                LogKey.topic: "\(partition.lane.topic)", LogKey.partition: "\(partition.lane.partition)",
                LogKey.offset: "\(partition.nextOffset)",
            ])
    }
}
