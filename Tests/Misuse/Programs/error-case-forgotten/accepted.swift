// Each is named, without a default that would hide the next one.
import IPCKit

func describe(_ error: IPCError) -> String {
  switch error {
  case .system(let failure): failure.description
  case .endOfFile: "the peer has gone"
  case .peer(let mistake): mistake.description
  case .deadlineExceeded(let operation): "\(operation) took too long"
  case .cancelled: "stopped by us"
  }
}
