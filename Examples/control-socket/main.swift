// A control socket for a daemon that is there already: its work is a Service in a ServiceGroup, its log is swift-log's,
// and IPCKit comes to it as one service more. The daemon itself is changed in two places, both in this file: the log
// handler that it starts with, and the list of its services.
//
//   control-socket /tmp/control.sock &
//   line-client --socket /tmp/control.sock status "log-level debug" stop

import Glibc
import Logging
import ServiceLifecycle

let arguments = CommandLine.arguments
guard arguments.count == 2 || arguments.count == 3, let interval = Int(arguments.count == 3 ? arguments[2] : "1000")
else {
  print("usage: control-socket SOCKET [MILLISECONDS]")
  exit(64)
}

let level = SharedLogLevel(.info)
LoggingSystem.bootstrap { label in
  LeveledLogHandler(StreamLogHandler.standardError(label: label), level: level)
}
let logger = Logger(label: "example")

let worker = Worker(interval: .milliseconds(max(interval, 1)), logger: logger)
let control = ControlSocket(path: arguments[1], worker: worker, level: level, logger: logger)
let group = ServiceGroup(
  configuration: ServiceGroupConfiguration(
    services: [
      // Services end in reverse order: the socket before what its commands ask for.
      .init(service: worker),
      // Its own end, after the command `stop`, is everybody's, and no failure.
      .init(service: control, successTerminationBehavior: .gracefullyShutdownGroup),
    ],
    gracefulShutdownSignals: [.sigterm, .sigint],
    logger: logger))

do {
  try await group.run()
} catch {
  logger.error("\(error)")
  exit(1)
}
