// A way to fail is forgotten: a peer that breaks the rules, or a timeout, would be dealt with by nobody.
import IPCKit

func describe(_ error: IPCError) -> String {
  switch error {  // expect: switch must be exhaustive
  case .system(let failure): failure.description
  case .endOfFile: "the peer has gone"
  }
}
