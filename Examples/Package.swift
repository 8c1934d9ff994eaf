// swift-tools-version: 6.2
// The examples: one package as a stranger would write it, with IPCKit for a dependency. README.md says what each shows.

import PackageDescription

let ipc = Target.Dependency.product(name: "IPCKit", package: "IPCKit")

let settings: [SwiftSetting] = [
  // A function that is given to the library as a handler stays on the loop that calls it, as a closure does by itself.
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  // What the compiler cannot check says so where it stands: a number that becomes a descriptor, a call of C's.
  .strictMemorySafety(),
]

let package = Package(
  name: "examples",
  dependencies: [
    // Elsewhere a URL and a version stand here: .package(url: "https://…/IPCKit", from: "0.1.0").
    .package(name: "IPCKit", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.9.0"),
  ],
  targets: [
    .executableTarget(
      name: "echo-service", dependencies: [ipc], path: "echo", exclude: ["echo.service", "echo.socket"],
      swiftSettings: settings),
    .executableTarget(
      name: "control-socket",
      dependencies: [
        ipc,
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      path: "control-socket", swiftSettings: settings),
    .executableTarget(
      name: "line-client", dependencies: [ipc, .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "client", swiftSettings: settings),
    .executableTarget(name: "giver", dependencies: [ipc], path: "passing/giver", swiftSettings: settings),
    .executableTarget(name: "taker", dependencies: [ipc], path: "passing/taker", swiftSettings: settings),
    .executableTarget(name: "json-lines", dependencies: [ipc], path: "json-lines", swiftSettings: settings),
  ]
)
