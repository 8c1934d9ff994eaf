// The file system calls that take a path, each with the error it can end in: a test must not go on without its set-up.

import Glibc
import IPCKit

func makeDirectory(_ path: String, mode: mode_t = 0o700) throws {
  // A path is a C string for the length of the call, here and below.
  try check(unsafe mkdir(path, mode), "mkdir", path)
}

func makeLink(at path: String, to target: String) throws { try check(unsafe symlink(target, path), "symlink", path) }

func makeFIFO(_ path: String) throws { try check(unsafe mkfifo(path, 0o600), "mkfifo", path) }

func changeMode(_ path: String, _ mode: mode_t) throws { try check(unsafe chmod(path, mode), "chmod", path) }

func changeOwner(_ path: String, _ user: uid_t) throws { try check(unsafe chown(path, user, user), "chown", path) }

func remove(_ path: String) throws { try check(unsafe unlink(path), "unlink", path) }

func enterDirectory(_ path: String) throws { try check(unsafe chdir(path), "chdir", path) }

private func check(_ result: Int32, _ operation: String, _ path: String) throws {
  guard result == 0 else { throw SystemError(errno: errno, operation: operation, object: path) }
}
