internal import CLibpq

/// One libpq connection. Closing it is the compiler's business.
struct ConnectionHandle: ~Copyable {
    let pointer: OpaquePointer

    deinit { PQfinish(pointer) }
}

/// One result of libpq. Whatever is read from it is copied before the handle goes.
struct ResultHandle: ~Copyable {
    let pointer: OpaquePointer

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// What the command tag says, as in `INSERT 0 12`; 0 for commands that touch no rows.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    func errorField(_ field: Character) -> String? {
        guard let code = field.asciiValue, let text = PQresultErrorField(pointer, Int32(code)) else { return nil }
        return String(cString: text)
    }
}

/// What libpq allocated while it parsed a connection string.
struct ConnectionOptionsHandle: ~Copyable {
    let pointer: UnsafeMutablePointer<PQconninfoOption>

    deinit { PQconninfoFree(pointer) }
}
