// swift-tools-version: 6.2
// The package: a C target for the system calls, the library on it, and the programs that prove it.

import PackageDescription

// Continuous integration sets this; a dependent package never sees our warnings.
let strict = Context.environment["IPCKIT_WARNINGS"] == "error"

let swiftSettings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

// Functions stay on their caller's executor, which is the loop. The testing library's macros do not expect it yet.
let ownSettings = swiftSettings + [SwiftSetting.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

let cSettings: [CSetting] =
  [.enableWarning("all"), .enableWarning("extra")] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
  name: "IPCKit",
  products: [
    .library(name: "IPCKit", targets: ["IPCKit"]),
    .library(name: "IPCKitTesting", targets: ["IPCKitTesting"]),
    .executable(name: "windowd", targets: ["windowd"]),
    .executable(name: "windowctl", targets: ["windowctl"]),
    .executable(name: "fdwatch", targets: ["fdwatch"]),
  ],
  dependencies: [
    // For the programs alone: the library has no package dependencies.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .target(name: "CIPCShim", cSettings: cSettings),
    .target(name: "IPCKit", dependencies: ["CIPCShim"], swiftSettings: ownSettings),
    // Testing comes with the toolchain. Its protocols do not expect functions that stay on their caller's executor.
    .target(name: "IPCKitTesting", dependencies: ["CIPCShim", "IPCKit"], swiftSettings: swiftSettings),

    .target(name: "TerminalText", dependencies: ["IPCKit"], swiftSettings: ownSettings),

    .target(name: "WindowProtocol", dependencies: ["IPCKit"], swiftSettings: ownSettings),
    .target(
      name: "WindowService", dependencies: ["IPCKit", "TerminalText", "WindowProtocol"], swiftSettings: ownSettings),
    .executableTarget(
      name: "windowd",
      dependencies: [
        "TerminalText", "WindowProtocol", "WindowService",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: ownSettings),
    .executableTarget(
      name: "windowctl",
      dependencies: [
        "IPCKit", "TerminalText", "WindowProtocol", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: ownSettings),

    .target(name: "DescriptorWatch", dependencies: ["IPCKit", "TerminalText"], swiftSettings: ownSettings),
    .executableTarget(
      name: "fdwatch",
      dependencies: [
        "DescriptorWatch", "TerminalText", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: ownSettings),

    .executableTarget(
      name: "demo",
      dependencies: ["IPCKit", "WindowProtocol", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: ownSettings),

    .testTarget(name: "CIPCShimTests", dependencies: ["CIPCShim"], swiftSettings: swiftSettings),
    .testTarget(
      name: "DescriptorWatchTests",
      dependencies: ["CIPCShim", "DescriptorWatch", "IPCKit", "IPCKitTesting", "TerminalText"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "IPCKitTests", dependencies: ["IPCKit", "IPCKitTesting"],
      exclude: ["Census/zoo.h", "Census/zoo.c", "Census/zoo-files.c", "Census/zoo-sockets.c", "Census/zoo-objects.c"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "IPCKitTestingTests", dependencies: ["IPCKit", "IPCKitTesting"], swiftSettings: swiftSettings),
    .testTarget(
      name: "MisuseTests", dependencies: ["IPCKit"], path: "Tests/Misuse", exclude: ["Programs"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "WindowServiceTests",
      dependencies: ["CIPCShim", "IPCKit", "IPCKitTesting", "WindowProtocol", "WindowService"],
      exclude: ["Support/manager.py", "Wire"], swiftSettings: swiftSettings),
  ]
)

// The fuzzers, which `scripts/fuzz.sh` builds with what they need of the compiler; nobody else sees them.
if Context.environment["IPCKIT_FUZZING"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzing", dependencies: ["IPCKit", "TerminalText", "WindowProtocol", "WindowService"],
      path: "Tests/Fuzzing",
      exclude: ["Corpora"], swiftSettings: swiftSettings + [.enableExperimentalFeature("Extern")]))
}
