#!/bin/sh
# Install Debian's Fashion-MNIST package where that is possible. Never fails: the data set is also found elsewhere.
folder=/usr/share/datasets/fashion-mnist
package=dataset-fashion-mnist

install_package() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$package" >/dev/null 2>&1
}

if [ -d "$folder" ]; then
    exit 0
elif ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
    echo "Fashion-MNIST: Debian's package $package is absent and cannot be installed here; going on without it" >&2
elif install_package || { apt-get update --quiet >/dev/null 2>&1 && install_package; }; then
    echo "Fashion-MNIST: installed Debian's package $package" >&2
else
    echo "Fashion-MNIST: installing Debian's package $package failed; going on without it" >&2
fi
exit 0
