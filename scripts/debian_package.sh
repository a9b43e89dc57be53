#!/bin/sh
# Install a Debian package where that is possible: debian_package.sh NAME PACKAGE PATH
# Nothing is done where PATH is there. Never fails: whoever needs it says so then.
name=$1
package=$2
path=$3

install_package() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$package" >/dev/null 2>&1
}

if [ -e "$path" ]; then
    exit 0
elif ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
    echo "$name: Debian's package $package is absent and cannot be installed here; going on without it" >&2
elif install_package || { apt-get update --quiet >/dev/null 2>&1 && install_package; }; then
    echo "$name: installed Debian's package $package" >&2
else
    echo "$name: installing Debian's package $package failed; going on without it" >&2
fi
exit 0
