// swift-tools-version: 6.2
// The benchmarks, apart from the library so that it never depends on what it is compared with.

import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Handlers stay on the loop that called them, as in the library.
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let cSettings: [CSetting] = [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "IPCKit", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
  ],
  targets: [
    .executableTarget(name: "load", cSettings: cSettings),
    .executableTarget(name: "c-epoll-server", cSettings: cSettings),
    .executableTarget(name: "c-census", cSettings: cSettings),
    .executableTarget(name: "c-lines", cSettings: cSettings),
    .executableTarget(name: "c-messages", cSettings: cSettings),
    .executableTarget(name: "stepcount", cSettings: cSettings, linkerSettings: [.linkedLibrary("pthread")]),

    .executableTarget(
      name: "ipckit-bench-server", dependencies: [.product(name: "IPCKit", package: "IPCKit")],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "ipckit-census", dependencies: [.product(name: "IPCKit", package: "IPCKit")], swiftSettings: swiftSettings),
    .executableTarget(
      name: "ipckit-lines", dependencies: [.product(name: "IPCKit", package: "IPCKit")], swiftSettings: swiftSettings),
    .executableTarget(
      name: "ipckit-messages", dependencies: [.product(name: "IPCKit", package: "IPCKit")],
      swiftSettings: swiftSettings),

    .executableTarget(
      name: "nio-bench-server",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: swiftSettings),
  ],
  cLanguageStandard: .gnu11
)
