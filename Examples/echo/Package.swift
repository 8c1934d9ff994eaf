// swift-tools-version: 6.2
// The echo service: a package as a stranger would write it, with IPCKit for a dependency.

import PackageDescription

let package = Package(
  name: "echo",
  dependencies: [.package(name: "IPCKit", path: "../..")],
  targets: [
    .executableTarget(
      name: "echo-service", dependencies: [.product(name: "IPCKit", package: "IPCKit")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        // Handlers stay on the loop that called them, as in the library.
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
      ])
  ]
)
