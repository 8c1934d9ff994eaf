// A list of a child's descriptors is used for a second child: what it owned was closed when the first had it.
import IPCKit

func start(_ command: Command, _ list: consuming ChildDescriptors) throws {  // expect: 'list' consumed more than once
  _ = try DetachedProcess(command, with: list)  // expect-note: consumed here
  _ = try DetachedProcess(command, with: list)  // expect-note: consumed again here
}
