// What the daemon is for. It knows nothing of sockets.

import Logging
import ServiceLifecycle

/// Counts.
actor Worker: Service {
  private(set) var ticks = 0
  private let interval: Duration
  private let logger: Logger

  init(interval: Duration, logger: Logger) {
    self.interval = interval
    self.logger = logger
  }

  func run() async {
    await cancelWhenGracefulShutdown {
      // A sleep that is cut short is the end of the loop.
      while (try? await Task.sleep(for: self.interval)) != nil { await self.tick() }
    }
    logger.info("worker ends after \(ticks) ticks")
  }

  private func tick() {
    ticks += 1
    logger.debug("tick \(ticks)")
  }
}
