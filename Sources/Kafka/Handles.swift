internal import CLibrdkafka

/// A librdkafka configuration until a client takes it over.
struct ConfigurationHandle: ~Copyable {
    let pointer: OpaquePointer

    init() {
        pointer = rd_kafka_conf_new()
    }

    /// The error names the property, never its value: that may be a password.
    func set(_ properties: [String: String]) throws(KafkaError) {
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard rd_kafka_conf_set(pointer, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
                throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "set \(name)")
            }
        }
    }

    /// The client frees the configuration; without a client we do.
    consuming func makeClient(_ type: rd_kafka_type_t) throws(KafkaError) -> OpaquePointer {
        guard let client = rd_kafka_new(type, pointer, nil, 0) else {
            _ = consume self
            throw KafkaError(rd_kafka_last_error(), "create client")
        }
        discard self
        return client
    }

    deinit {
        rd_kafka_conf_destroy(pointer)
    }
}

/// A client, and the object its callbacks write to, which must outlive it.
struct ClientHandle: ~Copyable {
    private var pointer: OpaquePointer?
    let context: ClientContext

    init(_ type: rd_kafka_type_t, configuration: consuming ConfigurationHandle, context: ClientContext)
        throws(KafkaError)
    {
        self.context = context
        context.install(in: configuration.pointer)
        pointer = try configuration.makeClient(type)
    }

    /// - Throws: when the client is destroyed already.
    func open(_ operation: String) throws(KafkaError) -> OpaquePointer {
        guard let pointer else { throw KafkaError.closed(operation) }
        return pointer
    }

    mutating func destroy() {
        guard let client = pointer.take() else { return }
        // Leaving the group is the work of `close`, which has a deadline; here it could block without one.
        rd_kafka_destroy_flags(client, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
    }

    deinit {
        guard let pointer else { return }
        rd_kafka_destroy_flags(pointer, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
    }
}

/// A message that librdkafka lends us.
struct MessageHandle: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_message_t>

    deinit {
        rd_kafka_message_destroy(pointer)
    }
}

/// Partitions with offsets, in librdkafka's form.
struct PartitionListHandle: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: some Collection<TopicPartition>) {
        pointer = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for partition in partitions {
            rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)
        }
    }

    init(_ offsets: [TopicPartition: Int64]) {
        pointer = rd_kafka_topic_partition_list_new(Int32(offsets.count))
        for (partition, offset) in offsets {
            rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition).pointee.offset = offset
        }
    }

    /// Topics without partitions, for a subscription.
    init(topics: [String]) {
        pointer = rd_kafka_topic_partition_list_new(Int32(topics.count))
        for topic in topics {
            rd_kafka_topic_partition_list_add(pointer, topic, RD_KAFKA_PARTITION_UA)
        }
    }

    deinit {
        rd_kafka_topic_partition_list_destroy(pointer)
    }
}

/// The headers of a message, if it has any, until `rd_kafka_produceva` takes them over.
struct HeadersHandle: ~Copyable {
    let pointer: OpaquePointer?

    init(_ headers: [Header]) {
        pointer = headers.isEmpty ? nil : rd_kafka_headers_new(headers.count)
        for header in headers {
            header.value.withUnsafeBytes { bytes in
                // The bytes are copied; the call can only fail for a read-only list, which this is not.
                _ = rd_kafka_header_add(pointer, header.name, -1, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// The message owns the headers now.
    consuming func handOver() {
        discard self
    }

    deinit {
        guard let pointer else { return }
        rd_kafka_headers_destroy(pointer)
    }
}

/// A queue of our own, for the events of one operation.
struct QueueHandle: ~Copyable {
    let pointer: OpaquePointer

    init(of client: OpaquePointer) {
        pointer = rd_kafka_queue_new(client)
    }

    deinit {
        rd_kafka_queue_destroy(pointer)
    }
}

/// The event that ends an operation.
struct EventHandle: ~Copyable {
    let pointer: OpaquePointer

    deinit {
        rd_kafka_event_destroy(pointer)
    }
}
