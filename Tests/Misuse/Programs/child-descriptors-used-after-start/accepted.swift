// Each child has a list of its own.
import IPCKit

func start(_ command: Command, _ first: consuming ChildDescriptors, _ second: consuming ChildDescriptors) throws {
  _ = try DetachedProcess(command, with: first)
  _ = try DetachedProcess(command, with: second)
}
