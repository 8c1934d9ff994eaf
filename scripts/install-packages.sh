#!/bin/sh
# install-packages.sh PACKAGE...: installs those of Debian's packages that are missing, where that needs no password;
# else says the one command that does.
set -eu

missing=
for package in "$@"; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  echo "Packages are missing; install them with: sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
# shellcheck disable=SC2086  # words on purpose
$as_root apt-get update -qq
# shellcheck disable=SC2086  # words on purpose
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
