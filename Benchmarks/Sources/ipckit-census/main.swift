// The census of a process, taken again and again: ipckit-census PID [SECONDS].

internal import Glibc
internal import IPCKit

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-census: \(reason)")
  exit(status)
}

/// Seconds of processor time, which other programs take no part of.
func now() -> Double {
  var time = timespec()
  // The clock is there, and the kernel fills the two fields.
  _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

let arguments = CommandLine.arguments
guard arguments.count >= 2, let process = Int32(arguments[1]),
  let seconds = arguments.count > 2 ? Double(arguments[2]) : 1
else { fail("usage: PID [SECONDS]", status: 64) }

do throws(SystemError) {
  let start = now()
  var count = 0
  var passes = 0
  repeat {
    count = try DescriptorCensus(processID: process).count
    passes += 1
  } while now() < start + seconds
  print("descriptors=\(count) milliseconds=\((now() - start) * 1e3 / Double(passes))")
} catch {
  fail("\(error)")
}
