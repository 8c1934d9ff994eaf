#!/bin/sh
# install.sh install|uninstall: puts what was built into the directories that the Makefile names, below DESTDIR, or takes
# just that away again: one list says what, for both.
set -eu
cd "$(dirname "$0")/.."
action=$1
# The Makefile's.
: "${version:?}" "${abi:?}" "${triple:?}" "${prefix?}" "${exec_prefix?}" "${bindir:?}" "${libdir:?}" "${pkgconfigdir:?}"
: "${systemunitdir:?}" "${userunitdir:?}" "${mandir:?}" "${docdir:?}"
: "${bashcompletiondir:?}" "${zshcompletiondir:?}" "${fishcompletiondir:?}"
: "${INSTALL:?}" "${INSTALL_PROGRAM:?}" "${DESTDIR=}"

# Units and pkg-config's files have no quotes for these, and sed would read others.
case $prefix$exec_prefix$bindir$libdir in
  *[\&\|\\\"\'[:space:]]*)
    echo "install: white space, a quote, a backslash, & or | in the name of a directory" >&2
    exit 1
    ;;
esac

# put TARGET COMMAND...: has the command make the target, or removes it.
put() {
  target=$DESTDIR$1
  shift
  case $action in
    install)
      mkdir -p "$(dirname "$target")"
      "$@" "$target"
      ;;
    uninstall) rm -f "$target" ;;
  esac
}

# shellcheck disable=SC2086  # INSTALL may have arguments
copy() { $INSTALL -m 644 "$1" "$2"; }
# shellcheck disable=SC2086
copy_program() { $INSTALL_PROGRAM "$1" "$2"; }
link() { ln -sfn "$1" "$2"; }
configure() {
  sed "s|@version@|$version|g; s|@prefix@|$prefix|g; s|@exec_prefix@|$exec_prefix|g; s|@bindir@|$bindir|g
    s|@libdir@|$libdir|g" "$1" >"$2"
  chmod 644 "$2"
}

for program in windowd windowctl fdwatch; do
  put "$bindir/$program" copy_program ".build/release/$program"
  put "$bashcompletiondir/$program" copy ".build/completions/$program.bash"
  put "$zshcompletiondir/_$program" copy ".build/completions/_$program"
  put "$fishcompletiondir/$program.fish" copy ".build/completions/$program.fish"
done
for page in windowctl.1 fdwatch.1 windowd-protocol.7 windowd.8; do
  put "$mandir/man${page##*.}/$page" configure "man/$page.in"
done
for kind in system user; do
  [ $kind = system ] && directory=$systemunitdir || directory=$userunitdir
  put "$directory/windowd.socket" copy "systemd/$kind/windowd.socket"
  put "$directory/windowd.service" configure "systemd/$kind/windowd.service.in"
done

for module in IPCKit IPCKitTesting; do
  put "$libdir/lib$module.so.$version" copy_program ".build/library/lib/lib$module.so.$version"
  put "$libdir/lib$module.so.$abi" link "lib$module.so.$version"
  put "$libdir/lib$module.so" link "lib$module.so.$abi"
  for part in swiftinterface swiftmodule swiftdoc abi.json; do
    put "$libdir/swift/$module.swiftmodule/$triple.$part" copy ".build/library/lib/swift/$module.swiftmodule/$triple.$part"
  done
done
put "$libdir/libIPCKit.a" copy .build/library/lib/libIPCKit.a
for package in ipckit ipckit-static ipckit-testing; do
  put "$pkgconfigdir/$package.pc" configure "pkgconfig/$package.pc.in"
done
put "$docdir/LICENSE" copy LICENSE

if [ "$action" = uninstall ]; then
  # These directories are nobody else's.
  for directory in "$libdir/swift/IPCKit.swiftmodule" "$libdir/swift/IPCKitTesting.swiftmodule" "$docdir"; do
    rmdir "$DESTDIR$directory" 2>/dev/null || true
  done
fi
# The linker's list is this machine's: not a stage's, and not for who may not write it.
if [ -z "$DESTDIR" ] && [ "$(id -u)" -eq 0 ]; then ldconfig; fi
