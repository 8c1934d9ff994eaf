// What the manager asks for by variables, read as libsystemd reads them. Each test is a process of its own, because the
// environment is the whole process's.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServiceEnvironmentTests {
  @Test func watchdogIntervalIsThatOfLibsystemd() async {
    await #expect(processExitsWith: .success) {
      let theirs = try SystemdProgram()
      for interval in [nil, "", "0", "1", "20000000", "-5", "x", "18446744073709551615"] {
        try change("WATCHDOG_USEC", to: interval)
        // The process that asks: ours has another number than the C program, so that one leaves out our own.
        for process in [nil, "", "1", "x"] {
          try change("WATCHDOG_PID", to: process)
          let said = try theirs("watchdog", environment: [:]).split(separator: " ").compactMap { Int64($0) }
          let expected = said.first == 1 ? Duration.microseconds(said.last ?? 0) : nil
          let context = "\(interval ?? "nil") \(process ?? "nil")"
          #expect(ServiceManager().watchdogInterval == expected, "\(context)")
        }
      }
      try change("WATCHDOG_USEC", to: "3000000")
      try change("WATCHDOG_PID", to: "\(getpid())")
      #expect(ServiceManager().watchdogInterval == .seconds(3))
    }
  }

  @Test func capacityOfTheStoreIsTheVariables() async {
    await #expect(processExitsWith: .success) {
      try setVariable("NOTIFY_SOCKET", "/run/example")
      for (text, capacity) in [(nil, nil), ("", nil), ("0", nil), ("-1", nil), ("64", 64), ("x", nil)] {
        try change("FDSTORE", to: text)
        #expect(ServiceManager().storeCapacity == capacity)
      }
    }
  }
}

/// Sets a variable, or unsets it.
private func change(_ name: String, to value: String?) throws {
  // The name is a C string for the length of the call.
  unsafe _ = unsetenv(name)
  if let value { try setVariable(name, value) }
}
