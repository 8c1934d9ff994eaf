// Runs libFuzzer on one target, which IPCKIT_FUZZ_TARGET names: libFuzzer starts this program again for some of what it does,
// with arguments of its own. `scripts/fuzz.sh` builds and starts it.

import Glibc

@_extern(c) func LLVMFuzzerRunDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// A peer that has gone is an error of the call, not this program's end.
_ = signal(SIGPIPE, SIG_IGN)

if CommandLine.arguments.contains("--list") {
  print(Target.all.keys.sorted().joined(separator: "\n"))
  exit(0)
}
_ = Target.chosen

var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
// The driver keeps both as long as it runs; the bytes are copied at once.
exit(
  unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    Target.run(unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count)))
    return 0
  })
