import Domain
import Kafka
import Logging
import Outbox
import Postgres

extension Worker {
    /// Commits the backlog, whole or in the pieces that failures ask for.
    ///
    /// - Returns: the rows to publish. What could not be committed stays in the backlog.
    func commitBacklog() async throws(WorkerFailure) -> [OutboxRow] {
        var rows: [OutboxRow] = []
        while let first = backlog.first, !rest.isOn {
            let before = backlog.count
            switch first.content {
            case .untouched: rows += try await tryQuarantined(first)
            case .futureSchema(let major): await holdFutureSchema(first.record, major: major)
            case .input, .dead:
                let end = backlog.firstIndex { $0.needsCare } ?? backlog.endIndex
                rows += try await commit(backlog[..<min(end, settings.batchRecords)])
            }
            // One piece a turn, unless nothing was committed: then the piece was held, dropped, or must wait.
            guard rows.isEmpty, backlog.count < before else { break }
        }
        return rows
    }

    /// Commits a prefix of the backlog and takes it from there.
    private func commit(_ piece: ArraySlice<Entry<WorkerStage.Input>>) async throws(WorkerFailure) -> [OutboxRow] {
        let sources = Set(piece.map(\.record.source))
        let partitions = sources.sorted().compactMap { owned[$0] }
        let started = ContinuousClock.now
        do throws(PostgresError) {
            let outcome = try await transaction.commit(piece, owned: partitions, at: clock())
            CrashPoint.hit(.afterCommit)
            metrics.add(
                (ContinuousClock.now - started) / .seconds(1), to: "fleet_batch_seconds_total", labels)
            return await settle(outcome, piece)
        } catch {
            return try await recover(from: error, piece)
        }
    }

    private func settle(
        _ outcome: BatchTransaction<WorkerStage>.Outcome, _ piece: ArraySlice<Entry<WorkerStage.Input>>
    ) async -> [OutboxRow] {
        rest.recovered()
        health.unready("database", nil)
        switch outcome {
        case .fenced(let lanes):
            await leave(lanes)
            return []
        case .committed(let partitions, let rows, let outcomes, let deadLetters):
            backlog.removeFirst(piece.count)
            for partition in partitions { await moved(partition) }
            count(piece, outcomes, deadLetters: deadLetters)
            await breakCircuits(piece.filter { $0.deadLetter != nil }.map(\.record.source))
            return rows
        }
    }

    private func moved(_ partition: OwnedPartition) async {
        let source = partition.lane.source
        // What was published while this batch committed is newer than what the batch carried.
        let publishedUpTo = max(owned[source]?.publishedUpTo ?? 0, partition.publishedUpTo)
        owned[source] = partition
        owned[source]?.publishedUpTo = publishedUpTo
        owned[source]?.savedPublishedUpTo = partition.publishedUpTo
        if let poison = partition.poisonOffset, poison < partition.nextOffset { owned[source]?.poisonOffset = nil }
        mirror[source] = partition.nextOffset
    }

    private func count(_ piece: ArraySlice<Entry<WorkerStage.Input>>, _ outcomes: [String: Int], deadLetters: Int) {
        for (outcome, count) in outcomes {
            metrics.add(
                Double(count), to: "fleet_records_processed_total", labels + [("outcome", outcome)])
        }
        if deadLetters > 0 { metrics.add(Double(deadLetters), to: "fleet_dead_letters_total", labels) }
        metrics.set("fleet_batch_size_records", to: Double(piece.count), labels)
        logger.debug("batch committed", metadata: [LogKey.records: "\(piece.count)"])
    }

    /// What each class of error asks for.
    private func recover(
        from error: PostgresError, _ piece: ArraySlice<Entry<WorkerStage.Input>>
    ) async throws(WorkerFailure) -> [OutboxRow] {
        switch error.errorClass {
        case .data where error.isUniqueViolation && !conflictRepeated:
            // Another worker wrote the same key between our look-up and our COPY: now the look-up finds it.
            conflictRepeated = true
            defer { conflictRepeated = false }
            return try await commit(piece)
        case .data: return try await bisect(piece, error)
        case .commitUnknown: return try await resolve(piece)
        case .retry, .infrastructure, .deployment:
            await pause(error)
            return []
        case .bug: throw .database(error)
        }
    }

    /// Halves the piece until the record that the database refuses stands alone; its neighbours are committed.
    private func bisect(
        _ piece: ArraySlice<Entry<WorkerStage.Input>>, _ error: PostgresError
    ) async throws(WorkerFailure) -> [OutboxRow] {
        metrics.add(to: "fleet_poison_bisect_transactions_total", labels)
        guard piece.count > 1 else {
            // As a dead letter it was refused too: there is nothing left to try.
            if let letter = piece.first?.deadLetter {
                await holdRefused(letter.record, error)
                return []
            }
            let reason = DeadLetterReason(code: .refusedByDatabase, measured: "SQLSTATE \(error.sqlState ?? "none")")
            backlog[backlog.startIndex].content = .dead(reason)
            return try await commit(backlog.prefix(1))
        }
        let total = piece.count
        let half = total / 2
        let before = backlog.count
        var rows = try await commit(backlog.prefix(half))
        // If the first half could not be committed as a whole, the second waits for the next turn.
        guard backlog.count == before - half else { return rows }
        rows += try await commit(backlog.prefix(total - half))
        return rows
    }

    /// COMMIT's reply was lost: the row says whether it happened.
    private func resolve(_ piece: ArraySlice<Entry<WorkerStage.Input>>) async throws(WorkerFailure) -> [OutboxRow] {
        let sources = Set(piece.map(\.record.source)).sorted()
        let partitions = sources.compactMap { owned[$0] }
        let lanes = partitions.map(\.lane)
        do throws(PostgresError) {
            let (stands, rows) = try await pool.transaction { (transaction) throws(PostgresError) in
                let stands = try StreamStore.read(lanes, in: transaction)
                var rows: [OutboxRow] = []
                for partition in partitions {
                    rows += try OutboxStore.load(
                        partition.lane, from: partition.nextOutSequence, limit: .max, in: transaction)
                }
                return (stands, rows)
            }
            let didCommit = partitions.contains { partition in
                guard let row = stands[partition.lane] else { return false }
                return row.epoch == partition.epoch && row.nextOffset > partition.nextOffset
            }
            // Not committed, or another owner's: the fence of the repetition tells which.
            guard didCommit else { return [] }
            backlog.removeFirst(piece.count)
            for partition in partitions { await moved(partition, to: stands[partition.lane]) }
            return rows
        } catch {
            await pause(error)
            // Whether it happened is still open; the fence of the repetition finds out.
            return []
        }
    }

    private func moved(_ partition: OwnedPartition, to row: StreamRow?) async {
        guard let row else { return }
        var partition = partition
        partition.nextOffset = row.nextOffset
        partition.nextOutSequence = row.nextOutSequence
        await moved(partition)
    }

    /// A record that may kill the process: its mark is in the database before it is decoded.
    private func tryQuarantined(_ entry: Entry<WorkerStage.Input>) async throws(WorkerFailure) -> [OutboxRow] {
        guard let partition = owned[entry.record.source] else { return [] }
        do throws(PostgresError) {
            let isOurs = try await pool.transaction { (transaction) throws(PostgresError) in
                try StreamStore.markTrying(partition, in: transaction)
            }
            guard isOurs else {
                await leave([partition.lane])
                return []
            }
        } catch {
            await pause(error)
            return []
        }
        backlog[backlog.startIndex] = decoded(entry.record)
        let clean = partition.cleanRecords + 1
        owned[entry.record.source]?.cleanRecords = clean
        if clean >= Worker.cleanRecordsToLeaveQuarantine { owned[entry.record.source]?.mode = .run }
        guard !backlog[backlog.startIndex].needsCare else { return [] }
        return try await commit(backlog.prefix(1))
    }

    /// Records that go well one by one before a partition is trusted with batches again.
    static var cleanRecordsToLeaveQuarantine: Int32 { 100 }
}

extension Entry {
    /// Whether it cannot be part of an ordinary piece.
    var needsCare: Bool {
        switch content {
        case .untouched, .futureSchema: true
        case .input, .dead: false
        }
    }
}
