// swift-tools-version: 6.2
import PackageDescription

/// Our own targets build without warnings, or not at all.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// Code that only computes is several times as fast when optimised, and with it what judges made worlds. Overflows
/// and preconditions are checked all the same.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

func library(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil, _ settings: [SwiftSetting] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict + settings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies + [argumentParser], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "tributary",
    dependencies: [
        // Command lines: flag, then environment, then default, with a usable --help.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // A clock's ticks merged with wake-ups, as lanes and timers wait for.
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        // The logging API that every dependency below already speaks.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // SHA-256 for ids and checksums, HMAC for webhooks, scrypt for passwords.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // The health endpoint of a worker, without an HTTP framework behind it.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // The HTTP server of console and reconciler, and of DevKit's fake providers.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        // The header fields of those servers' requests.
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        // Server-rendered pages that escape by default.
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        // Calls to payment providers: pooling, TLS, deadlines.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // What that client has for TLS, here to read the certificates that Amazon signs notifications with.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // Ordered start, reverse stop, signals.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // topics/*.yaml.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // 0
        .systemLibrary(
            name: "CLibrdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CLibcurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        library("Blocking", []),
        // 1
        library("Kafka", ["CLibrdkafka", "Blocking", logging]),
        library("Postgres", ["CLibpq", "Blocking", logging, crypto]),
        // 2
        library("Domain", [], optimised),
        library("Events", ["Domain", crypto], optimised),
        library("Outbox", ["Events", "Postgres"]),
        library("Topics", ["Kafka", "Events", yams]),
        // 3
        library(
            "WorkerRuntime",
            [
                "Kafka", "Postgres", "Domain", "Events", "Outbox", logging, argumentParser, asyncAlgorithms,
                serviceLifecycle, nioHTTP, nioPosix,
            ]),
        library(
            "Storage", ["Domain", "Events", "Outbox", "Postgres", logging, crypto], resources: [.copy("Migrations")]),
        // 4
        library(
            "Stages",
            [
                "WorkerRuntime", "Storage", "Domain", "Events", "Outbox", "Postgres", "Kafka", logging,
                serviceLifecycle,
            ]),
        library(
            "Notifications",
            [
                "WorkerRuntime", "Storage", "Domain", "Events", "Postgres", "Kafka", "Blocking", "CLibcurl", logging,
                crypto, serviceLifecycle, asyncHTTPClient, nioCore,
            ]),
        library(
            "Providers",
            [
                "WorkerRuntime", "Storage", "Domain", "Events", "Outbox", "Postgres", "Kafka", logging, crypto,
                cryptoExtras, serviceLifecycle, asyncHTTPClient, nioCore, nioHTTP, nioPosix, nioSSL,
            ]),
        library(
            "ConsoleApp",
            [
                "Storage", "Domain", "Events", "Outbox", "Postgres", "Blocking", logging, crypto, cryptoExtras,
                hummingbird, mustache, nioCore, serviceLifecycle,
            ], resources: [.copy("Resources")]),
        library(
            "DevKit",
            [
                "Topics", "Kafka", "Postgres", "Storage", "Events", "Domain", "Outbox", logging, crypto, cryptoExtras,
                hummingbird, serviceLifecycle, asyncHTTPClient, httpTypes, nioCore,
            ]),
        // 5
        program("scorer", ["Stages", "WorkerRuntime"]),
        program("fraud-detector", ["Stages", "WorkerRuntime", "Domain"]),
        program("payout-planner", ["Stages", "WorkerRuntime", "Domain"]),
        program("notifier", ["Notifications", "WorkerRuntime", "Kafka", asyncHTTPClient]),
        program("payer", ["Stages", "Providers", "WorkerRuntime"]),
        program("reconciler", ["Providers", "Storage", "WorkerRuntime", logging, serviceLifecycle, hummingbird]),
        program("console", ["ConsoleApp", "WorkerRuntime", "Kafka", "Outbox", "Events", serviceLifecycle]),
        program(
            "tributary",
            [
                "ConsoleApp", "DevKit", "Stages", "Storage", "Topics", "Kafka", "Postgres", "Outbox", "Events",
                "Domain", logging,
                yams,
            ]),
        // Tests
        tests("TidyTests", []),
        tests("KafkaTests", ["Kafka", "DevKit"]),
        tests("PostgresTests", ["Postgres", "DevKit"]),
        tests("DomainTests", ["Domain"]),
        tests("EventsTests", ["Events", "Domain"]),
        tests("TopicsTests", ["Topics", "Events", "DevKit", yams]),
        tests("StorageTests", ["Storage", "DevKit", "Domain", "Events", "Outbox", "Postgres"]),
        tests(
            "WorkerRuntimeTests",
            [
                "WorkerRuntime", "Domain", "Events", "Outbox", "Kafka", "Postgres", "DevKit", logging, asyncHTTPClient,
                nioCore,
            ]),
        tests(
            "StagesTests",
            [
                "Stages", "WorkerRuntime", "Storage", "Events", "Domain", "Outbox", "Kafka", "Postgres", "DevKit",
                logging,
            ]),
        tests(
            "NotificationsTests",
            [
                "Notifications", "WorkerRuntime", "Storage", "Events", "Domain", "Outbox", "Kafka", "Postgres",
                "DevKit",
                asyncHTTPClient, crypto, logging,
            ]),
        tests(
            "ProvidersTests",
            [
                "Providers", "WorkerRuntime", "Storage", "Domain", "Events", "Outbox", "Kafka", "Postgres", "DevKit",
                asyncHTTPClient, crypto, logging, nioCore,
            ]),
        tests("FleetTests", ["DevKit", "Storage", "Topics", "Kafka", "Postgres", "Domain", "Events"]),
        tests("ConsoleAppTests", ["ConsoleApp", "DevKit", "Stages", "WorkerRuntime", "Kafka", asyncHTTPClient]),
        tests("BacktestTests", ["DevKit", "Domain", "Events"]),
    ]
)
