// The promise that nobody else closes it is visible to whoever reads or searches the program.
import IPCKit

func adopt(_ number: CInt) -> FileDescriptor {
  unsafe FileDescriptor(owning: number)
}
