// What a service can tell its manager, in the manager's own words.

internal import CIPCShim

/// Something to tell the service manager: one assignment of sd_notify(3)'s, or some that belong together.
///
/// ```swift
/// try ServiceManager().notify(.ready, .status("serving 3 windows"))
/// ```
///
/// Any value can be made. Whether it can be sent is checked where it is, before anything is: see
/// ``ServiceManager/notify(_:)-([ServiceState])``.
public struct ServiceState: Sendable, Hashable {
  struct Assignment: Sendable, Hashable {
    let name: String
    let value: String
  }

  let assignments: [Assignment]

  private init(_ name: String, _ value: String) { assignments = [Assignment(name: name, value: value)] }

  private init(_ name: String, _ duration: Duration) { self.init(name, "\(duration.wholeMicroseconds)") }

  /// The service serves: it has started, or it has read its configuration again. READY=1.
  ///
  /// From systemd 262 on, which is not tested here, a service of Type=notify-reload must catch or block SIGHUP before
  /// it says so.
  public static let ready = ServiceState("READY", "1")

  /// The service begins to read its configuration again; ``ready`` says that it has. RELOADING=1, with MONOTONIC_USEC=,
  /// which Type=notify-reload needs (from systemd 253 on): the moment at which this value was made.
  public static var reloading: ServiceState {
    ServiceState(
      assignments: [
        Assignment(name: "RELOADING", value: "1"),
        Assignment(name: "MONOTONIC_USEC", value: "\(ipc_monotonic_now() / 1000)"),
      ])
  }

  /// The service begins to end. STOPPING=1.
  public static let stopping = ServiceState("STOPPING", "1")

  /// A line for `systemctl status`. STATUS=.
  public static func status(_ text: String) -> ServiceState { ServiceState("STATUS", text) }

  /// Why the service failed: one of errno(3)'s numbers. ERRNO=.
  public static func errno(_ number: Int32) -> ServiceState { ServiceState("ERRNO", "\(number)") }

  /// Why the service failed: the name of a D-Bus error. BUSERROR=.
  public static func busError(_ name: String) -> ServiceState { ServiceState("BUSERROR", name) }

  /// The status that the service ends with. EXIT_STATUS=; a manager of services logs it, a container's takes it.
  public static func exitStatus(_ status: Int32) -> ServiceState { ServiceState("EXIT_STATUS", "\(status)") }

  /// The service's main process, where it is not the one that was started. MAINPID=.
  public static func mainProcess(_ processID: Int32) -> ServiceState { ServiceState("MAINPID", "\(processID)") }

  /// Starting, ending or running takes so much longer than it may, counted from when the manager hears of it.
  /// EXTEND_TIMEOUT_USEC=; said again before that is over.
  public static func extendTimeout(by duration: Duration) -> ServiceState {
    ServiceState("EXTEND_TIMEOUT_USEC", duration)
  }

  /// The service lives: see ``ServiceNotifier/keepWatchdogFed()``. WATCHDOG=1.
  public static let watchdog = ServiceState("WATCHDOG", "1")

  /// The service has found that it is broken: the manager treats it as if it had not been heard of in time.
  /// WATCHDOG=trigger.
  public static let watchdogTrigger = ServiceState("WATCHDOG", "trigger")

  /// How often the manager must hear of the service from now on, whatever its unit says. WATCHDOG_USEC=.
  public static func watchdogInterval(_ duration: Duration) -> ServiceState { ServiceState("WATCHDOG_USEC", duration) }

  /// Any other assignment. The service's own begin with `X_`.
  public static func variable(_ name: String, _ value: String) -> ServiceState { ServiceState(name, value) }
}

extension ServiceState {
  private init(assignments: [Assignment]) { self.assignments = assignments }
}

extension Duration {
  /// Rounded up, so that what is short is not nothing; 0 for what is negative.
  fileprivate var wholeMicroseconds: Int64 {
    let (nanoseconds, more) = Deadline(nanoseconds: 0).advanced(by: self).nanoseconds.quotientAndRemainder(
      dividingBy: 1000)
    return nanoseconds + (more > 0 ? 1 : 0)
  }
}
