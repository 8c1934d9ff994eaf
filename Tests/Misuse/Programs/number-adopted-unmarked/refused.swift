// A bare number gets an owner without a word about it: who else closes it would be anyone's guess.
// flags: -strict-memory-safety -Werror StrictMemorySafety
import IPCKit

func adopt(_ number: CInt) -> FileDescriptor {
  FileDescriptor(owning: number)  // expect: expression uses unsafe constructs but is not marked with 'unsafe'
}
